-- The hours that `hours_since` gave row by row, as arrays beside each other: rows that are only passed on are kept
-- twice on their way, which cost more than finding them.
DROP FUNCTION vibetea.hours_since(TIMESTAMPTZ, TEXT);

-- NULL for no hours. A plan that is made for any moment reads the whole table; one made for this moment reads the index.
CREATE FUNCTION vibetea.hour_counts(
    since TIMESTAMPTZ, source_filter TEXT, OUT hours BIGINT[], OUT sources BIGINT[], OUT events BIGINT[]
)
LANGUAGE plpgsql STABLE SET search_path = '' SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    edge BIGINT := vibetea.micros(since) / 900000000;
    wanted BIGINT;
BEGIN
    IF source_filter IS NOT NULL THEN
        SELECT named.id INTO wanted FROM vibetea.source AS named WHERE named.name = source_filter;
        IF wanted IS NULL THEN
            RETURN;
        END IF;
    END IF;

    SELECT array_agg(counted.hour), array_agg(counted.source), array_agg(counted.number)
    INTO hours, sources, events
    FROM (
        SELECT kept.hour, kept.source, kept.q0 + kept.q1 + kept.q2 + kept.q3 AS number
        FROM vibetea.hourly AS kept
        WHERE kept.hour > edge / 4 AND (wanted IS NULL OR kept.source = wanted)
        UNION ALL
        SELECT cut.hour, cut.source, cut.number
        FROM (
            -- only of the quarter hour that the moment cuts are events counted one by one
            SELECT
                kept.hour,
                kept.source,
                CASE WHEN edge % 4 < 1 THEN kept.q1 ELSE 0 END
                    + CASE WHEN edge % 4 < 2 THEN kept.q2 ELSE 0 END
                    + CASE WHEN edge % 4 < 3 THEN kept.q3 ELSE 0 END
                    + coalesce(part.number, 0) AS number
            FROM vibetea.hourly AS kept
            LEFT JOIN (
                SELECT numbered.id, one_by_one.number
                FROM (
                    SELECT stored.source, count(*) AS number
                    FROM public.events AS stored
                    WHERE stored.timestamp >= since
                        AND stored.timestamp < vibetea.moment((edge + 1) * 900000000)
                    GROUP BY stored.source
                ) AS one_by_one
                JOIN vibetea.source AS numbered ON numbered.name = one_by_one.source
            ) AS part ON part.id = kept.source
            WHERE kept.hour = edge / 4 AND (wanted IS NULL OR kept.source = wanted)
        ) AS cut
        WHERE cut.number > 0
    ) AS counted;
END
$$;

CREATE OR REPLACE FUNCTION vibetea.hourly_aggregates_since(since TIMESTAMPTZ, source_filter TEXT)
RETURNS TABLE (source TEXT, date DATE, hour INT, event_count BIGINT)
LANGUAGE plpgsql STABLE SET search_path = ''
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT named.name, date '1970-01-01' + (counted.hour / 24)::int, (counted.hour % 24)::int, counted.events
    FROM vibetea.hour_counts(since, source_filter) AS kept,
        unnest(kept.hours, kept.sources, kept.events) AS counted (hour, source, events)
    JOIN vibetea.source AS named ON named.id = counted.source
    ORDER BY counted.hour DESC, named.name COLLATE "C";
END
$$;

REVOKE ALL ON FUNCTION vibetea.hour_counts(TIMESTAMPTZ, TEXT) FROM PUBLIC;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        GRANT EXECUTE ON FUNCTION vibetea.hour_counts(TIMESTAMPTZ, TEXT) TO service_role;
    END IF;
END
$$;
