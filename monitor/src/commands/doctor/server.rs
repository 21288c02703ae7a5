//! The destinations: are they there, do they know this monitor, and does their clock agree with ours?

use url::Url;
use vibetea_protocol::{Clock, ErrorCode, SourceId, Timestamp};

use super::Line;
use crate::config::Shipping;
use crate::sender::{Probed, Signer, probe};

/// A difference that nobody notices.
const MAX_SKEW_MICROS: i64 = 120 * 1_000_000;

/// What the lines about one destination are called.
struct Names {
    server: &'static str,
    registration: &'static str,
}

const LIVE: Names = Names { server: "server", registration: "registration" };
const BATCHES: Names = Names { server: "batches", registration: "registration for batches" };

pub(super) fn check(
    shipping: &Shipping,
    signer: Option<&Signer>,
    clock: &Clock,
    lines: &mut Vec<Line>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (live, batches) = runtime.block_on(async {
        let asked = async |url| {
            let before = clock.now();
            probe(url, shipping.ca_cert.as_deref(), signer)
                .await
                .map(|probed| (probed, midway(before, clock.now())))
        };
        tokio::try_join!(asked(&shipping.live_url), asked(&shipping.batch_url))
    })?;
    destination(&LIVE, &shipping.live_url, &live.0, signer, true, lines);
    destination(&BATCHES, &shipping.batch_url, &batches.0, signer, !shipping.same_origin(), lines);
    lines.push(skew([live, batches]));
    Ok(())
}

fn midway(before: Timestamp, after: Timestamp) -> Timestamp {
    Timestamp::from_micros(before.as_micros() + after.since(before) / 2).unwrap_or(before)
}

/// What one answer says of the server and of our registration there.
fn destination(
    names: &Names,
    url: &Url,
    probed: &Probed,
    signer: Option<&Signer>,
    tell_registration: bool,
    lines: &mut Vec<Line>,
) {
    let server = reached(names.server, url, probed);
    let there = server.status == super::Verdict::Pass;
    lines.push(server);
    if tell_registration {
        lines.push(match signer {
            _ if !there => Line::unchecked(names.registration, "the server did not answer as it should"),
            None => Line::unchecked(names.registration, "there is no key to sign with"),
            Some(signer) => registration(names.registration, probed, signer),
        });
    }
}

fn reached(check: &'static str, url: &Url, probed: &Probed) -> Line {
    let status = match &probed.status {
        Ok(status) => *status,
        Err(why) => {
            return Line::fail(
                check,
                format!("{url} does not answer: {why}"),
                "start the server, or check the address and the way to it",
            );
        }
    };
    let answer = probed.code.as_ref().map_or_else(|| status.to_string(), |code| format!("{status} {code}"));
    match status {
        300..400 => Line::fail(
            check,
            format!(
                "{url} answers {answer}, a redirect; none is followed, as a signature is for one address"
            ),
            "set server_url or supabase_url to the address that it leads to",
        ),
        404 if check == BATCHES.server && probed.code.as_deref() == Some(ErrorCode::NotFound.as_str()) => {
            Line::warn(
                check,
                format!("{url} answers {answer}: this server keeps no history"),
                "nothing, if you want only what happens now",
            )
        }
        404 | 405 => Line::fail(
            check,
            format!("{url} answers {answer}: this is no VibeTea server, or not its address"),
            "check the path in server_url or supabase_url",
        ),
        408 | 429 | 500.. => Line::warn(
            check,
            format!("{url} answers {answer}: it cannot take events now"),
            "try again in a while; the server's log says more",
        ),
        _ => Line::pass(check, format!("{url} answers")),
    }
}

fn registration(check: &'static str, probed: &Probed, signer: &Signer) -> Line {
    let Ok(status) = probed.status else { return Line::unchecked(check, "the server did not answer") };
    let source = &signer.source;
    let public = &signer.key.pair().public;
    let code = probed.code.as_deref();
    let is = |known: ErrorCode| code == Some(known.as_str());
    let after_signature =
        [ErrorCode::EmptyBatch, ErrorCode::InvalidRequest, ErrorCode::InvalidEvent].into_iter().any(is);
    match status {
        200..300 => Line::pass(check, format!("the server takes events of '{source}'")),
        400 | 422 if after_signature => {
            Line::pass(check, format!("the server knows '{source}' and accepts the signature"))
        }
        401 if is(ErrorCode::UnknownSource) => Line::fail(
            check,
            format!("the server does not know '{source}'"),
            format!(
                "{}add '{source}:{public}' to the server's VIBETEA_PUBLIC_KEYS, or set source_id to the name it knows",
                by_code(check, source)
            ),
        ),
        401 if is(ErrorCode::InvalidSignature) => Line::fail(
            check,
            format!("the server knows '{source}' by another key, or not at all if it keeps that to itself"),
            format!(
                "{}put '{source}:{public}' in its place in the server's VIBETEA_PUBLIC_KEYS, or beside it",
                by_code(check, source)
            ),
        ),
        401 | 403 => Line::fail(
            check,
            format!(
                "the server refuses '{source}' ({status}{})",
                code.map_or_else(String::new, |code| format!(" {code}"))
            ),
            "check that the address is the server's own and not that of a proxy that asks for a password",
        ),
        _ => Line::unchecked(check, format!("the server's answer {status} does not tell")),
    }
}

/// A deployment for batches alone knows its keys by its configuration; a server hands out codes.
fn by_code(check: &str, source: &SourceId) -> String {
    if check == BATCHES.registration {
        return String::new();
    }
    format!("run `vibetea-server enroll {source}` on the server, and here the command that it prints; or ")
}

fn skew(answers: [(Probed, Timestamp); 2]) -> Line {
    const CHECK: &str = "clock";
    let dated = answers.into_iter().find_map(|(probed, at)| Some((probed.date?, at)));
    let Some((server, ours)) = dated else {
        return Line::unchecked(CHECK, "no server told its time");
    };
    let ahead = ours.since(server);
    let seconds = ahead.abs() / 1_000_000;
    if ahead.abs() <= MAX_SKEW_MICROS {
        return Line::pass(CHECK, "agrees with the server's");
    }
    let way = if ahead > 0 { "ahead of" } else { "behind" };
    Line::warn(
        CHECK,
        format!("this machine's clock is {seconds} s {way} the server's"),
        "let both machines set their clocks by the network (NTP): what is live is told from history by the clock",
    )
}
