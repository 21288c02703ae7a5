-- A batch is taken apart once, where it was three times: what was stored is counted from the statement that stored it.
-- All of it may run again: a server and the hosted platform's tool, each with a record of its own, may share a database.

-- The newest migration that was run, by whatever tool.
CREATE OR REPLACE FUNCTION vibetea.schema_version() RETURNS BIGINT
LANGUAGE sql IMMUTABLE SET search_path = ''
AS $$ SELECT 8::bigint $$;

-- Adds events per source, quarter of an hour since 1970 and type, arrays beside each other, NULL for none.
CREATE OR REPLACE FUNCTION vibetea.add_counts(names TEXT[], quarters BIGINT[], types BIGINT[], numbers BIGINT[]) RETURNS VOID
LANGUAGE plpgsql SET search_path = ''
AS $$
BEGIN
    INSERT INTO vibetea.source (name)
    SELECT DISTINCT given.name FROM unnest(names) AS given (name)
    WHERE NOT EXISTS (SELECT FROM vibetea.source WHERE source.name = given.name);

    WITH given AS (
        SELECT source.id AS source, counted.quarter, counted.type, counted.events
        FROM unnest(names, quarters, types, numbers) AS counted (name, quarter, type, events)
        JOIN vibetea.source ON source.name = counted.name
    ), hours AS (
        INSERT INTO vibetea.hourly AS kept (hour, source, q0, q1, q2, q3)
        SELECT
            quarter / 4,
            source,
            coalesce(sum(events) FILTER (WHERE quarter % 4 = 0), 0),
            coalesce(sum(events) FILTER (WHERE quarter % 4 = 1), 0),
            coalesce(sum(events) FILTER (WHERE quarter % 4 = 2), 0),
            coalesce(sum(events) FILTER (WHERE quarter % 4 = 3), 0)
        FROM given
        GROUP BY 1, 2
        ON CONFLICT (hour, source) DO UPDATE SET
            q0 = kept.q0 + excluded.q0, q1 = kept.q1 + excluded.q1,
            q2 = kept.q2 + excluded.q2, q3 = kept.q3 + excluded.q3
    )
    INSERT INTO vibetea.tally AS kept (source, type, count)
    SELECT source, type, sum(events) FROM given GROUP BY 1, 2
    ON CONFLICT (source, type) DO UPDATE SET count = kept.count + excluded.count;
END
$$;

-- As before.
CREATE OR REPLACE FUNCTION public.bulk_insert_events(events_json JSONB) RETURNS BIGINT
LANGUAGE plpgsql SET search_path = ''
AS $$
DECLARE
    before BIGINT;
    inserted BIGINT;
    is_live BOOLEAN;
    known_from BIGINT;
    names TEXT[];
    quarters BIGINT[];
    types BIGINT[];
    numbers BIGINT[];
BEGIN
    IF jsonb_array_length(events_json) = 0 THEN
        RETURN 0;
    END IF;

    UPDATE vibetea.stream SET newest = newest + jsonb_array_length(events_json)
    RETURNING newest - jsonb_array_length(events_json) INTO before;

    -- after the lock above, so that what is deleted meanwhile is known to be forgotten
    SELECT through INTO known_from FROM vibetea.forgotten;

    WITH given AS (
        SELECT *, before + ordinality AS place
        FROM ROWS FROM (jsonb_to_recordset(events_json)
            AS (id TEXT, source TEXT, "timestamp" TIMESTAMPTZ, "eventType" TEXT, type TEXT, payload JSONB, live BOOLEAN))
            WITH ORDINALITY
    ), stored AS (
        INSERT INTO public.events (id, source, timestamp, event_type, payload, seq, live)
        SELECT id, source, "timestamp", coalesce("eventType", type), payload, place, CASE WHEN live THEN place END
        FROM given
        WHERE known_from = 0 OR "timestamp" >= vibetea.moment(known_from)
        ORDER BY place
        ON CONFLICT (id) DO NOTHING
        RETURNING source, timestamp, event_type
    ), counted AS (
        SELECT source, vibetea.micros(timestamp) / 900000000 AS quarter, event_type, count(*) AS events
        FROM stored
        GROUP BY 1, 2, 3
    )
    SELECT
        array_agg(source), array_agg(quarter), array_agg(vibetea.type_number(event_type)), array_agg(events),
        coalesce(sum(events), 0), (SELECT coalesce(bool_or(live), false) FROM given)
    INTO names, quarters, types, numbers, inserted, is_live
    FROM counted;

    IF inserted > 0 THEN
        PERFORM vibetea.add_counts(names, quarters, types, numbers);
    END IF;

    IF is_live THEN
        -- what was stored before, by the batch route, gets its place now; where all were new there is none
        IF inserted < jsonb_array_length(events_json) THEN
            UPDATE public.events SET live = given.place
            FROM (
                SELECT id, source, before + min(ordinality) AS place
                FROM ROWS FROM (jsonb_to_recordset(events_json) AS (id TEXT, source TEXT, live BOOLEAN)) WITH ORDINALITY
                WHERE live
                GROUP BY id, source
            ) AS given
            WHERE events.id = given.id AND events.source = given.source AND events.live IS NULL;
        END IF;
        PERFORM pg_notify('vibetea_live', before::text);
    END IF;

    RETURN inserted;
END
$$;

REVOKE ALL ON FUNCTION vibetea.add_counts(TEXT[], BIGINT[], BIGINT[], BIGINT[]) FROM PUBLIC;

-- On the hosted platform nobody but the service role calls anything. Elsewhere whoever may read the views for people, which
-- takes a right to the schema, calls the functions of times in them.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        REVOKE ALL ON ALL FUNCTIONS IN SCHEMA vibetea FROM PUBLIC;
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA vibetea TO service_role;
    END IF;
END
$$;
