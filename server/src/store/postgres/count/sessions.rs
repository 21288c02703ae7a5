//! Adds sessions and what happened in them: a few statements, whatever their number.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use sqlx::Row as _;
use sqlx::postgres::PgConnection;

use crate::store::kept::{Agent, MOST_AGENTS, Session, Sessions, kept};

const SESSIONS: &str = "INSERT INTO session AS kept
    (name, source, started, last, ended, project, project_at, events, activities, errors)
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[],
        $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[])
    ON CONFLICT (name, source) DO UPDATE SET
    started = least(kept.started, excluded.started), last = greatest(kept.last, excluded.last),
    ended = greatest(kept.ended, excluded.ended),
    project = CASE WHEN (excluded.project_at, excluded.project) > (kept.project_at, kept.project)
        THEN excluded.project ELSE kept.project END,
    project_at = greatest(kept.project_at, excluded.project_at), events = kept.events + excluded.events,
    activities = kept.activities + excluded.activities, errors = kept.errors + excluded.errors
    RETURNING id, source, name";
const QUARTERS_AND_TOOLS: &str = "WITH quarters AS (
        INSERT INTO session_quarter (session, quarter)
        SELECT * FROM unnest($1::bigint[], $2::bigint[]) ON CONFLICT DO NOTHING
    )
    INSERT INTO session_tool AS kept (session, tool, started, completed, failed)
    SELECT * FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
    ON CONFLICT (session, tool) DO UPDATE SET started = kept.started + excluded.started,
    completed = kept.completed + excluded.completed, failed = kept.failed + excluded.failed";
const AGENTS: &str = "INSERT INTO session_agent AS kept (session, agent, type, first, started, completed, failed)
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
    ON CONFLICT (session, agent, type) DO UPDATE SET first = least(kept.first, excluded.first),
    started = kept.started + excluded.started, completed = kept.completed + excluded.completed,
    failed = kept.failed + excluded.failed";
const KNOWN_AGENTS: &str =
    "SELECT session, agent, type FROM session_agent WHERE session = ANY ($1::bigint[])";

pub(super) async fn write(connection: &mut PgConnection, sessions: Sessions) -> sqlx::Result<()> {
    if sessions.0.is_empty() {
        return Ok(());
    }
    let numbers = write_sessions(connection, &sessions.0).await?;
    let numbered: BTreeMap<i64, Session> = sessions
        .0
        .into_iter()
        .filter_map(|((source, name), session)| Some((*numbers.get(&(source, name))?, session)))
        .collect();
    write_quarters_and_tools(connection, &numbered).await?;
    write_agents(connection, &numbered).await
}

async fn write_sessions(
    connection: &mut PgConnection,
    sessions: &BTreeMap<(i64, Arc<str>), Session>,
) -> sqlx::Result<HashMap<(i64, Arc<str>), i64>> {
    let number = |of: fn(&Session) -> i64| sessions.values().map(of).collect::<Vec<i64>>();
    let rows = sqlx::query(SESSIONS)
        .bind(sessions.keys().map(|(_, name)| &**name).collect::<Vec<&str>>())
        .bind(sessions.keys().map(|(source, _)| *source).collect::<Vec<i64>>())
        .bind(number(|session| session.started))
        .bind(number(|session| session.last))
        .bind(number(|session| session.ended))
        .bind(sessions.values().map(|session| kept(&session.project.1)).collect::<Vec<&str>>())
        .bind(number(|session| session.project.0))
        .bind(number(|session| session.events))
        .bind(number(|session| session.activities))
        .bind(number(|session| session.errors))
        .fetch_all(&mut *connection)
        .await?;
    rows.iter()
        .map(|row| Ok(((row.try_get(1)?, row.try_get::<&str, _>(2)?.into()), row.try_get(0)?)))
        .collect()
}

async fn write_quarters_and_tools(
    connection: &mut PgConnection,
    sessions: &BTreeMap<i64, Session>,
) -> sqlx::Result<()> {
    let pairs = sessions
        .iter()
        .flat_map(|(number, session)| session.quarters.iter().map(|quarter| (*number, *quarter)));
    let (numbers, quarters): (Vec<i64>, Vec<i64>) = pairs.unzip();
    let mut columns = <[Vec<i64>; 5]>::default();
    for (number, session) in sessions {
        for (tool, [started, completed, failed]) in &session.tools {
            let values = [*number, *tool, *started, *completed, *failed];
            columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
        }
    }
    let [with_tools, tools, started, completed, failed] = columns;
    sqlx::query(QUARTERS_AND_TOOLS)
        .bind(numbers)
        .bind(quarters)
        .bind(with_tools)
        .bind(tools)
        .bind(started)
        .bind(completed)
        .bind(failed)
        .execute(connection)
        .await?;
    Ok(())
}

async fn write_agents(connection: &mut PgConnection, sessions: &BTreeMap<i64, Session>) -> sqlx::Result<()> {
    let with_agents: Vec<i64> = sessions
        .iter()
        .filter(|(_, session)| !session.agents.is_empty())
        .map(|(number, _)| *number)
        .collect();
    if with_agents.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query(KNOWN_AGENTS).bind(&with_agents).fetch_all(&mut *connection).await?;
    let mut known = HashMap::<i64, HashSet<(Arc<str>, Arc<str>)>>::new();
    for row in rows {
        let agent = (row.try_get::<&str, _>(1)?.into(), row.try_get::<&str, _>(2)?.into());
        known.entry(row.try_get(0)?).or_default().insert(agent);
    }
    let mut sums = BTreeMap::<(i64, Arc<str>, Arc<str>), Agent>::new();
    for number in with_agents {
        let Some(session) = sessions.get(&number) else { continue };
        let known = known.entry(number).or_default();
        for (agent, counts) in &session.agents {
            let has_room =
                known.contains(agent) || i64::try_from(known.len()).is_ok_and(|known| known < MOST_AGENTS);
            let (id, kind) = if has_room { agent.clone() } else { ("".into(), "".into()) };
            known.insert((Arc::clone(&id), Arc::clone(&kind)));
            let sum = sums.entry((number, id, kind)).or_insert(Agent { first: counts.first, steps: [0; 3] });
            sum.first = sum.first.min(counts.first);
            sum.steps.iter_mut().zip(counts.steps).for_each(|(sum, more)| *sum += more);
        }
    }
    let count = |of: fn(&Agent) -> i64| sums.values().map(of).collect::<Vec<i64>>();
    sqlx::query(AGENTS)
        .bind(sums.keys().map(|(number, _, _)| *number).collect::<Vec<i64>>())
        .bind(sums.keys().map(|(_, id, _)| &**id).collect::<Vec<&str>>())
        .bind(sums.keys().map(|(_, _, kind)| &**kind).collect::<Vec<&str>>())
        .bind(count(|agent| agent.first))
        .bind(count(|agent| agent.steps[0]))
        .bind(count(|agent| agent.steps[1]))
        .bind(count(|agent| agent.steps[2]))
        .execute(&mut *connection)
        .await?;
    Ok(())
}
