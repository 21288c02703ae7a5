-- Hours as numbers and in no order: who asks for thousands of rows pays for dates, names and sorting more than for the
-- counts. The server turns them into its answer by itself, the hosted function through `hourly_aggregates_since`.
-- A plan that is made for any moment reads the whole table; one made for this moment reads the index.
CREATE FUNCTION vibetea.hours_since(since TIMESTAMPTZ, source_filter TEXT)
RETURNS TABLE (hour BIGINT, source BIGINT, events BIGINT)
LANGUAGE plpgsql STABLE SET search_path = '' SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
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

    RETURN QUERY
    SELECT kept.hour, kept.source, kept.q0 + kept.q1 + kept.q2 + kept.q3
    FROM vibetea.hourly AS kept
    WHERE kept.hour > edge / 4 AND (wanted IS NULL OR kept.source = wanted);

    -- only of the quarter hour that the moment cuts are events counted one by one
    RETURN QUERY
    SELECT cut.hour, cut.source, cut.events
    FROM (
        SELECT
            kept.hour,
            kept.source,
            CASE WHEN edge % 4 < 1 THEN kept.q1 ELSE 0 END
                + CASE WHEN edge % 4 < 2 THEN kept.q2 ELSE 0 END
                + CASE WHEN edge % 4 < 3 THEN kept.q3 ELSE 0 END
                + coalesce(part.events, 0) AS events
        FROM vibetea.hourly AS kept
        LEFT JOIN (
            SELECT numbered.id, count(*) AS events
            FROM public.events
            JOIN vibetea.source AS numbered ON numbered.name = events.source
            WHERE events.timestamp >= since
                AND events.timestamp < vibetea.moment((edge + 1) * 900000000)
            GROUP BY numbered.id
        ) AS part ON part.id = kept.source
        WHERE kept.hour = edge / 4 AND (wanted IS NULL OR kept.source = wanted)
    ) AS cut
    WHERE cut.events > 0;
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
    FROM vibetea.hours_since(since, source_filter) AS counted
    JOIN vibetea.source AS named ON named.id = counted.source
    ORDER BY counted.hour DESC, named.name COLLATE "C";
END
$$;

REVOKE ALL ON FUNCTION vibetea.hours_since(TIMESTAMPTZ, TEXT) FROM PUBLIC;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        GRANT EXECUTE ON FUNCTION vibetea.hours_since(TIMESTAMPTZ, TEXT) TO service_role;
    END IF;
END
$$;
