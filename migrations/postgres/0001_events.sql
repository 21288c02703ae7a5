-- Events, their hourly counts, and the two functions of the hosted deployment. The same text runs there, where the
-- first six columns of `events` and their indexes may exist already: what is stored is kept and counted.
-- `public` is for people and for the functions; the schema `vibetea` is for the server.

CREATE SCHEMA IF NOT EXISTS vibetea;
REVOKE ALL ON SCHEMA vibetea FROM PUBLIC;

CREATE TABLE IF NOT EXISTS public.events (
    id TEXT COLLATE "C" PRIMARY KEY,
    source TEXT COLLATE "C" NOT NULL,
    timestamp TIMESTAMPTZ NOT NULL,
    event_type TEXT COLLATE "C" NOT NULL
        CHECK (event_type IN ('session', 'activity', 'tool', 'agent', 'summary', 'error')),
    payload JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX IF NOT EXISTS idx_events_timestamp ON public.events (timestamp DESC);
CREATE INDEX IF NOT EXISTS idx_events_source ON public.events (source);
CREATE INDEX IF NOT EXISTS idx_events_source_timestamp ON public.events (source, timestamp DESC);

-- Who stores events updates this row first and holds it until the commit, so that places follow commits: who has
-- seen a place has seen all smaller ones.
CREATE TABLE vibetea.stream (
    one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one),
    newest BIGINT NOT NULL
);

-- `seq` is the place among all events, `live` the place in the live stream of what came by the live route.
ALTER TABLE public.events ADD COLUMN seq BIGINT, ADD COLUMN live BIGINT;

UPDATE public.events SET seq = stored.place
FROM (SELECT id, row_number() OVER (ORDER BY created_at, id) AS place FROM public.events) AS stored
WHERE stored.id = events.id;

ALTER TABLE public.events ALTER COLUMN seq SET NOT NULL;

CREATE UNIQUE INDEX events_seq ON public.events (seq);
CREATE UNIQUE INDEX events_live ON public.events (live) WHERE live IS NOT NULL;

INSERT INTO vibetea.stream (newest) SELECT coalesce(max(seq), 0) FROM public.events;

CREATE TABLE vibetea.source (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE
);

-- Events per hour since 1970 and source, parted by quarter of the hour for time zones and for edges.
-- Written in the transaction that stores the events.
CREATE TABLE vibetea.hourly (
    hour BIGINT NOT NULL,
    source BIGINT NOT NULL,
    q0 BIGINT NOT NULL,
    q1 BIGINT NOT NULL,
    q2 BIGINT NOT NULL,
    q3 BIGINT NOT NULL,
    PRIMARY KEY (hour, source)
) WITH (fillfactor = 70);

CREATE INDEX hourly_source ON vibetea.hourly (source, hour);

-- Events per source and type, written like `hourly`. A type is a number in the order of the check on `events`.
CREATE TABLE vibetea.tally (
    source BIGINT NOT NULL,
    type BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (source, type)
) WITH (fillfactor = 70);

-- Microseconds since 1970, and back; exact in all years of an event. What is called for each row is written so that it
-- is inlined: without settings, as volatile as its text, and not STRICT around a CASE.
CREATE FUNCTION vibetea.micros(moment TIMESTAMPTZ) RETURNS BIGINT
LANGUAGE sql STABLE STRICT PARALLEL SAFE
AS $$ SELECT (extract(epoch FROM moment) * 1000000)::bigint $$;

CREATE FUNCTION vibetea.moment(micros BIGINT) RETURNS TIMESTAMPTZ
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = ''
AS $$
    SELECT timestamptz 'epoch' + (micros / 1000000) * interval '1 second'
        + (micros % 1000000) * interval '1 microsecond'
$$;

CREATE FUNCTION vibetea.type_number(event_type TEXT) RETURNS BIGINT
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE event_type
        WHEN 'session' THEN 0
        WHEN 'activity' THEN 1
        WHEN 'tool' THEN 2
        WHEN 'agent' THEN 3
        WHEN 'summary' THEN 4
        WHEN 'error' THEN 5
    END::bigint
$$;

INSERT INTO vibetea.source (name) SELECT DISTINCT source FROM public.events;

INSERT INTO vibetea.hourly (hour, source, q0, q1, q2, q3)
SELECT
    quarter / 4,
    number,
    count(*) FILTER (WHERE quarter % 4 = 0),
    count(*) FILTER (WHERE quarter % 4 = 1),
    count(*) FILTER (WHERE quarter % 4 = 2),
    count(*) FILTER (WHERE quarter % 4 = 3)
FROM (
    SELECT vibetea.micros(events.timestamp) / 900000000 AS quarter, source.id AS number
    FROM public.events
    JOIN vibetea.source ON source.name = events.source
) AS stored
GROUP BY 1, 2;

INSERT INTO vibetea.tally (source, type, count)
SELECT source.id, vibetea.type_number(events.event_type), count(*)
FROM public.events
JOIN vibetea.source ON source.name = events.source
GROUP BY 1, 2;

-- Stores a batch, each id once, and answers how many events were new. An event is an object with `id`, `source`,
-- `timestamp`, `eventType` (or `type`), `payload` and, where it came by the live route, `live` (true): such an event
-- gets a place in the live stream, even if it was stored by the batch route before. `NOTIFY vibetea_live` tells of it.
DROP FUNCTION IF EXISTS public.bulk_insert_events(JSONB);
CREATE FUNCTION public.bulk_insert_events(events_json JSONB) RETURNS BIGINT
LANGUAGE plpgsql SET search_path = ''
AS $$
DECLARE
    before BIGINT;
    inserted BIGINT;
    is_live BOOLEAN;
    announced BOOLEAN := false;
BEGIN
    IF jsonb_array_length(events_json) = 0 THEN
        RETURN 0;
    END IF;

    UPDATE vibetea.stream SET newest = newest + jsonb_array_length(events_json)
    RETURNING newest - jsonb_array_length(events_json) INTO before;

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

-- Events per UTC hour and source from a moment on, that moment included and without an end: newest hour first, sources
-- ascending within it. Only of the quarter hour that the moment cuts are events counted one by one.
CREATE FUNCTION vibetea.hourly_aggregates_since(since TIMESTAMPTZ, source_filter TEXT)
RETURNS TABLE (source TEXT, date DATE, hour INT, event_count BIGINT)
LANGUAGE plpgsql STABLE SET search_path = ''
AS $$
#variable_conflict use_column
DECLARE
    edge BIGINT := vibetea.micros(since) / 900000000;
BEGIN
    RETURN QUERY
    SELECT
        named.name,
        date '1970-01-01' + (counted.hour / 24)::int,
        (counted.hour % 24)::int,
        counted.events
    FROM (
        SELECT kept.hour, kept.source, kept.q0 + kept.q1 + kept.q2 + kept.q3 AS events
        FROM vibetea.hourly AS kept
        WHERE kept.hour > edge / 4
        UNION ALL
        SELECT
            kept.hour,
            kept.source,
            CASE WHEN edge % 4 < 1 THEN kept.q1 ELSE 0 END
                + CASE WHEN edge % 4 < 2 THEN kept.q2 ELSE 0 END
                + CASE WHEN edge % 4 < 3 THEN kept.q3 ELSE 0 END
                + coalesce(part.events, 0)
        FROM vibetea.hourly AS kept
        LEFT JOIN (
            SELECT numbered.id, count(*) AS events
            FROM public.events
            JOIN vibetea.source AS numbered ON numbered.name = events.source
            WHERE events.timestamp >= since
                AND events.timestamp < vibetea.moment((edge + 1) * 900000000)
            GROUP BY numbered.id
        ) AS part ON part.id = kept.source
        WHERE kept.hour = edge / 4
    ) AS counted
    JOIN vibetea.source AS named ON named.id = counted.source
    WHERE counted.events > 0 AND (source_filter IS NULL OR named.name = source_filter)
    ORDER BY counted.hour DESC, named.name COLLATE "C";
END
$$;

-- The same for the last days, counted from now.
DROP FUNCTION IF EXISTS public.get_hourly_aggregates(INT, TEXT);
CREATE FUNCTION public.get_hourly_aggregates(days_back INT DEFAULT 7, source_filter TEXT DEFAULT NULL)
RETURNS TABLE (source TEXT, date DATE, hour INT, event_count BIGINT)
LANGUAGE plpgsql STABLE SET search_path = ''
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT counted.source, counted.date, counted.hour, counted.event_count
    FROM vibetea.hourly_aggregates_since(now() - days_back * interval '24 hours', source_filter) AS counted;
END
$$;

CREATE VIEW public.hourly_aggregates WITH (security_invoker = true) AS
SELECT
    source.name AS source,
    date '1970-01-01' + (hourly.hour / 24)::int AS date,
    (hourly.hour % 24)::int AS hour,
    hourly.q0 + hourly.q1 + hourly.q2 + hourly.q3 AS event_count
FROM vibetea.hourly
JOIN vibetea.source ON source.id = hourly.source;

REVOKE ALL ON FUNCTION public.bulk_insert_events(JSONB) FROM PUBLIC;
REVOKE ALL ON FUNCTION public.get_hourly_aggregates(INT, TEXT) FROM PUBLIC;
REVOKE ALL ON FUNCTION vibetea.hourly_aggregates_since(TIMESTAMPTZ, TEXT) FROM PUBLIC;
REVOKE ALL ON public.events, public.hourly_aggregates FROM PUBLIC;

-- On the hosted platform nobody but its service role reads, writes or calls anything: the roles of browsers get
-- nothing, and row level security without a policy stands behind that. Elsewhere the owner alone has access.
DO $$
DECLARE
    role TEXT;
BEGIN
    IF (SELECT count(*) FROM pg_roles WHERE rolname IN ('anon', 'authenticated', 'service_role')) < 3 THEN
        RETURN;
    END IF;
    ALTER TABLE public.events ENABLE ROW LEVEL SECURITY;
    ALTER TABLE public.events FORCE ROW LEVEL SECURITY;
    FOREACH role IN ARRAY ARRAY['anon', 'authenticated'] LOOP
        EXECUTE format('REVOKE ALL ON public.events, public.hourly_aggregates FROM %I', role);
        EXECUTE format('REVOKE ALL ON FUNCTION public.bulk_insert_events(JSONB) FROM %I', role);
        EXECUTE format('REVOKE ALL ON FUNCTION public.get_hourly_aggregates(INT, TEXT) FROM %I', role);
        EXECUTE format('REVOKE ALL ON SCHEMA vibetea FROM %I', role);
    END LOOP;
    GRANT ALL ON public.events, public.hourly_aggregates TO service_role;
    GRANT EXECUTE ON FUNCTION public.bulk_insert_events(JSONB) TO service_role;
    GRANT EXECUTE ON FUNCTION public.get_hourly_aggregates(INT, TEXT) TO service_role;
    GRANT USAGE ON SCHEMA vibetea TO service_role;
    GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA vibetea TO service_role;
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA vibetea TO service_role;
END
$$;
