//! What must hold before anything is changed in a database: a version that has all we use, and, in a table that is to
//! be adopted, no row that no event can be.

use sqlx::Row as _;
use sqlx::postgres::PgConnection;

use super::connection::Target;
use crate::store::OpenError;

/// The first version with everything that the migrations use, such as views with the rights of their callers.
const OLDEST: u32 = 15;

/// A version without something that we use.
#[derive(Debug, thiserror::Error)]
#[error("it is PostgreSQL {found}, and {OLDEST} or later is needed")]
pub(super) struct TooOld {
    found: String,
}

/// Judges a `server_version_num`. What has no number is taken: whoever hides it may still be new enough.
pub(super) fn check_version(number: Option<u32>) -> Result<(), TooOld> {
    match number {
        Some(number) if number / 10_000 < OLDEST => Err(TooOld { found: version(number) }),
        _ => Ok(()),
    }
}

/// As people write it: since version 10 there are two parts.
fn version(number: u32) -> String {
    match number / 10_000 {
        major @ 10.. => format!("{major}.{}", number % 10_000),
        major => format!("{major}.{}.{}", number / 100 % 100, number % 100),
    }
}

/// What makes a row none of an event: what that is, what is allowed instead, and how the rows are mended.
struct Unfit {
    what: &'static str,
    allowed: &'static str,
    /// As SQL; both infinities are outside every range.
    condition: &'static str,
    mend: &'static str,
}

const UNFIT: [Unfit; 2] = [
    Unfit {
        what: "a time that no event can have",
        allowed: "the years 1970 to 9999",
        condition: r#""timestamp" < '1970-01-01 00:00:00Z' OR "timestamp" >= '10000-01-01 00:00:00Z'"#,
        mend: r#""timestamp" = created_at"#,
    },
    Unfit {
        what: "a type that no event can have",
        allowed: "session, activity, tool, agent, summary and error",
        condition: "event_type NOT IN ('session', 'activity', 'tool', 'agent', 'summary', 'error')",
        mend: "event_type = 'activity'",
    },
];
/// Most rows that are named.
const NAMED: i64 = 3;

/// Refuses a table `events` of another deployment with rows that cannot be counted, which the first migration would
/// stop at in words of the database alone. A table with other columns was refused before.
pub(super) async fn check_rows(target: &Target, connection: &mut PgConnection) -> Result<(), OpenError> {
    let failed =
        |error: sqlx::Error| OpenError::Failed { database: target.name.clone(), detail: error.to_string() };
    let exists: bool = sqlx::query_scalar("SELECT to_regclass('public.events') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    if !exists {
        return Ok(());
    }
    let mut told = Vec::new();
    for unfit in &UNFIT {
        let condition = unfit.condition;
        // the conditions are ours
        let question = sqlx::AssertSqlSafe(format!(
            "SELECT count(*), coalesce((SELECT array_agg(left(id, 40)) FROM
                (SELECT id FROM public.events WHERE {condition} ORDER BY id LIMIT $1) AS first), '{{}}')
             FROM public.events WHERE {condition}"
        ));
        let row = sqlx::query(question).bind(NAMED).fetch_one(&mut *connection).await.map_err(failed)?;
        let (count, ids): (i64, Vec<String>) =
            (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
        if count > 0 {
            told.push(unfit.tell(count, &ids));
        }
    }
    if told.is_empty() {
        return Ok(());
    }
    Err(OpenError::UnfitRows { database: target.name.clone(), detail: told.join("; and ") })
}

impl Unfit {
    fn tell(&self, count: i64, ids: &[String]) -> String {
        let Self { what, allowed, condition, mend } = self;
        // whoever made the table chose the ids
        let named: Vec<String> = ids.iter().map(|id| format!("'{}'", id.escape_debug())).collect();
        let (rows, have) = if count == 1 { ("row", "has") } else { ("rows", "have") };
        let such_as = if i64::try_from(ids.len()) == Ok(count) { "" } else { "such as " };
        format!(
            "{count} {rows} of public.events ({such_as}{}) {have} {what}, allowed are {allowed}: mend them, for instance \
             with `UPDATE public.events SET {mend} WHERE {condition};`, or remove them with \
             `DELETE FROM public.events WHERE {condition};`",
            named.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_judged_by_its_number() {
        for (number, told) in [
            (149_999, "it is PostgreSQL 14.9999, and 15 or later is needed"),
            (140_020, "it is PostgreSQL 14.20, and 15 or later is needed"),
            (100_000, "it is PostgreSQL 10.0, and 15 or later is needed"),
            (90_624, "it is PostgreSQL 9.6.24, and 15 or later is needed"),
        ] {
            assert_eq!(check_version(Some(number)).unwrap_err().to_string(), told);
        }
        for number in [Some(150_000), Some(150_018), Some(180_001), None] {
            assert!(check_version(number).is_ok(), "{number:?}");
        }
    }

    #[test]
    fn rows_are_counted_and_named() {
        let told = UNFIT[0].tell(1, &["evt_1".to_owned()]);
        assert!(told.starts_with("1 row of public.events ('evt_1') has a time"), "{told}");
        let ids = ["a\u{1b}[2J".to_owned(), "it's".to_owned()];
        let told = UNFIT[1].tell(7, &ids);
        assert!(
            told.starts_with(r"7 rows of public.events (such as 'a\u{1b}[2J', 'it\'s') have a type"),
            "{told}"
        );
    }
}
