-- What was forgotten, and who was asked for their history again.

-- Events before `through` (microseconds since 1970) are forgotten, and so are their ids: one that comes is taken for a
-- repetition. Counts before `counts` are forgotten as well. Neither moves back.
CREATE TABLE vibetea.forgotten (
    one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one),
    through BIGINT NOT NULL,
    counts BIGINT NOT NULL
);

INSERT INTO vibetea.forgotten (through, counts) VALUES (0, 0);

-- A source that has done another number than its own or that of all, which stands under the empty name, reads its
-- transcripts once more. Numbers are times, so that a new database asks for another one than the lost one did.
CREATE TABLE vibetea.asked (
    source TEXT COLLATE "C" PRIMARY KEY,
    number BIGINT NOT NULL
);

-- As before, but that what is older than the forgotten is not stored again.
CREATE OR REPLACE FUNCTION public.bulk_insert_events(events_json JSONB) RETURNS BIGINT
LANGUAGE plpgsql SET search_path = ''
AS $$
DECLARE
    before BIGINT;
    inserted BIGINT;
    is_live BOOLEAN;
    known_from BIGINT;
BEGIN
    IF jsonb_array_length(events_json) = 0 THEN
        RETURN 0;
    END IF;

    UPDATE vibetea.stream SET newest = newest + jsonb_array_length(events_json)
    RETURNING newest - jsonb_array_length(events_json) INTO before;

    -- after the lock above, so that what is deleted meanwhile is known to be forgotten
    SELECT through INTO known_from FROM vibetea.forgotten;

    SELECT coalesce(bool_or(live), false) INTO is_live FROM jsonb_to_recordset(events_json) AS given (live BOOLEAN);

    INSERT INTO vibetea.source (name)
    SELECT DISTINCT given.source FROM jsonb_to_recordset(events_json) AS given (source TEXT)
    WHERE NOT EXISTS (SELECT FROM vibetea.source WHERE source.name = given.source);

    -- a statement does not see what another part of it inserts, so an event of this very batch is not promoted
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
    ), quarters AS (
        SELECT
            vibetea.micros(stored.timestamp) / 900000000 AS quarter,
            source.id AS source,
            stored.event_type
        FROM stored
        JOIN vibetea.source ON source.name = stored.source
    ), hours AS (
        INSERT INTO vibetea.hourly AS kept (hour, source, q0, q1, q2, q3)
        SELECT
            quarter / 4,
            source,
            coalesce(sum(events) FILTER (WHERE quarter % 4 = 0), 0),
            coalesce(sum(events) FILTER (WHERE quarter % 4 = 1), 0),
            coalesce(sum(events) FILTER (WHERE quarter % 4 = 2), 0),
            coalesce(sum(events) FILTER (WHERE quarter % 4 = 3), 0)
        FROM (SELECT quarter, source, count(*) AS events FROM quarters GROUP BY 1, 2) AS counted
        GROUP BY 1, 2
        ON CONFLICT (hour, source) DO UPDATE SET
            q0 = kept.q0 + excluded.q0, q1 = kept.q1 + excluded.q1,
            q2 = kept.q2 + excluded.q2, q3 = kept.q3 + excluded.q3
    ), types AS (
        INSERT INTO vibetea.tally AS kept (source, type, count)
        SELECT source, vibetea.type_number(event_type), count(*) FROM quarters GROUP BY 1, 2
        ON CONFLICT (source, type) DO UPDATE SET count = kept.count + excluded.count
    )
    SELECT count(*) INTO inserted FROM stored;

    IF is_live THEN
        UPDATE public.events SET live = given.place
        FROM (
            SELECT id, source, before + min(ordinality) AS place
            FROM ROWS FROM (jsonb_to_recordset(events_json) AS (id TEXT, source TEXT, live BOOLEAN)) WITH ORDINALITY
            WHERE live
            GROUP BY id, source
        ) AS given
        WHERE events.id = given.id AND events.source = given.source AND events.live IS NULL;
        PERFORM pg_notify('vibetea_live', before::text);
    END IF;

    RETURN inserted;
END
$$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON vibetea.forgotten, vibetea.asked TO service_role;
    END IF;
END
$$;
