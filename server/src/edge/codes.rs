//! The codes of all refusals and faults: HTTP status, meaning, and what to do.
//!
//! The page docs/guide/reference/errors.md is generated from this table, and a code that is missing here fails the
//! tests.

/// One code.
#[derive(Debug, Clone, Copy)]
pub struct Code {
    /// The name that programs rely on.
    pub name: &'static str,
    /// Its HTTP statuses. The first is that of a refusal; the others come from routes that set the status themselves.
    /// Empty:
    /// the code exists in GraphQL only.
    pub statuses: &'static [u16],
    /// What it means.
    pub meaning: &'static str,
    /// What the caller can do about it.
    pub remedy: &'static str,
}

const fn code(name: &'static str, statuses: &'static [u16], meaning: &'static str, remedy: &'static str) -> Code {
    Code { name, statuses, meaning, remedy }
}

/// Finds a code by its name.
pub fn find(name: &str) -> Option<&'static Code> {
    CODES.binary_search_by(|code| code.name.cmp(name)).ok().map(|at| &CODES[at])
}

/// All codes, sorted by name.
#[rustfmt::skip]
pub const CODES: &[Code] = &[
    code("answer_not_kept", &[409], "The call under this `Idempotency-Key` is over, but its answer was too long to be recorded.", "Look the run up by the id in the message. Raise `EVENTFLOW_MAX_RECORDED` if it happens often."),
    code("answer_too_large", &[], "The payloads, lines or files that a query asks for take too much memory.", "Ask for fewer fields or smaller pages."),
    code("attempt_superseded", &[400], "Another attempt of the run has begun meanwhile.", "Nothing: the newer attempt counts."),
    code("bad_body", &[400], "The body broke off, is longer than announced, or is of a kind that the route does not take.", "Send the whole body with the right `Content-Length` and `Content-Type`."),
    code("bad_bundle", &[400], "The upload is not a zip or tar.gz that can be taken.", "Read the message: it names the entry and what is wrong with it."),
    code("bad_callback", &[422], "`X-Callback-Url` is not a URL, or its address may not be called.", "Use a public address, or let the operator add the network to `EVENTFLOW_CALLBACK_ALLOW`."),
    code("bad_cron", &[400], "The schedule cannot be read or never fires.", "Correct the field that the message names."),
    code("bad_delivery_id", &[400], "The header with the webhook's delivery id is empty, too long or not visible ASCII.", "Send 1 to 256 visible ASCII characters, or none."),
    code("bad_event", &[400], "The body is not a CloudEvent, or one that claims to come from EventFlow itself.", "Correct the attribute that the message names."),
    code("bad_filter", &[400], "The filter of a mutation over several runs contradicts itself.", "Give ids, or conditions, not both."),
    code("bad_handshake", &[400], "The request does not open a WebSocket.", "Use a WebSocket client with one of the sub-protocols of the page on GraphQL."),
    code("bad_host", &[400], "`Host` is missing, double, or not a name.", "Send one valid `Host`. A proxy in front may remove it."),
    code("bad_id", &[400], "An id is not a UUID, or not the name of a stream.", "Send the id as an answer gave it."),
    code("bad_idempotency_key", &[400], "`Idempotency-Key` is empty, too long or not visible ASCII.", "Send 1 to 255 visible ASCII characters."),
    code("bad_input", &[], "A variable or an argument does not fit its type.", "Correct the place that the message names."),
    code("bad_json", &[400], "The body is not JSON, or has fields that the route does not take.", "Compare it with `/openapi.json`."),
    code("bad_limit", &[400], "A limit or a list of ids is outside of what is allowed.", "Use a value in the range that the message names."),
    code("bad_manifest", &[400], "`function.json` or the manifest of a request has faults; all of them are listed.", "Correct each place. The schema is at `/schemas/function.json`."),
    code("bad_name", &[400], "The name does not fit.", "Use 1 to 63 lower-case letters, digits and hyphens, beginning with a letter."),
    code("bad_namespace", &[400], "The namespace does not fit.", "Use 1 to 63 lower-case letters, digits and hyphens, beginning with a letter."),
    code("bad_page", &[400], "A cursor did not come with a page, or a number of rows does not fit.", "Use cursors from the last answer, and `first` or `last` in range."),
    code("bad_query", &[400], "The GraphQL query or the URL's query cannot be read or does not fit.", "Correct the place that the message names."),
    code("bad_ref", &[400], "The Git reference does not fit, or the function's source has none.", "Name a branch, a tag or a commit."),
    code("bad_request", &[400], "The request contradicts itself or is incomplete.", "Read the message."),
    code("bad_secret", &[400], "The value of a secret is empty, too long or not text.", "Use text of at most 64 KiB."),
    code("bad_secret_name", &[400], "The name of a secret does not fit.", "Use letters, digits and underscores, not beginning with a digit; or `registry-` and a host, for the login of a registry."),
    code("bad_signature", &[401], "The webhook's delivery does not prove where it is from. An unknown address gets the same answer.", "Compare the secret on both sides; the server's log says more."),
    code("bad_source", &[400], "The source of a function is missing, double or does not fit.", "Give one of `git`, `bundle` and `image`."),
    code("bad_split", &[400], "The shares of traffic do not add up.", "Name each version at most once; percentages add up to 100."),
    code("bad_status", &[502], "The function answered with a status that HTTP does not have.", "Answer with 200 to 599."),
    code("bad_subject", &[], "The name of a member does not fit.", "Give a kind and a name, such as `user:ada`."),
    code("bad_timeout", &[400], "`X-Timeout` is not a time.", "Send a time such as `5s` or `500ms`."),
    code("build_not_found", &[404], "The function has no such build.", "Ask for the function's builds."),
    code("build_not_started", &[409], "The build has not begun.", "Wait until it has."),
    code("build_over", &[409], "The build is over already.", "Request another build."),
    code("build_taken", &[409], "Another server does this build.", "Nothing: it goes on there."),
    code("bundles_full", &[507], "All uploaded bundles together take as much room as `EVENTFLOW_MAX_BUNDLES` allows.", "Upload again later: what no function needs is removed, the oldest first. Raise the limit if functions need it all."),
    code("callback_open", &[409], "The callback of the run is still to be delivered.", "Erase the run when that is settled."),
    code("cors_origin", &[403], "The page's origin may not call this function.", "Add the origin to `cors.origins` of its http trigger."),
    code("cross_site", &[403], "Another site led a browser here.", "Open the page from this server, or send a token instead of a cookie."),
    code("event_not_found", &[404], "There is no such event, or none that you may see.", "Events are kept for `EVENTFLOW_RETAIN_EVENTS`."),
    code("event_not_routed", &[409], "The event is not on its way to its functions yet.", "Try again in a moment."),
    code("forbidden", &[403], "The token may only read, or belongs to other namespaces.", "Use another token."),
    code("function_crashed", &[502], "The function's process ended during the call.", "Read its last lines in the run."),
    code("function_deregistered", &[410], "The function was deregistered.", "Register it again under its name."),
    code("function_failed", &[502], "The function's run failed before it answered.", "Read the run's error."),
    code("function_not_built", &[409], "The function has no version.", "Build it; when a build failed, read why."),
    code("function_not_found", &[404], "There is no such function, or none that you may see.", "Check name and namespace."),
    code("function_not_running", &[409, 503], "The function does not run: it was stopped, or its first build is not over.", "Start it, or wait for its build."),
    code("function_unhealthy", &[409, 503], "No instance of the function starts.", "Read `stateReason` and the function's log. `Retry-After` says when the next try is worth it."),
    code("function_unreachable", &[503], "The instance had ended, or does not listen any more. The function was given nothing.", "Call again: another instance is started."),
    code("history_full", &[409], "The builds and versions of the function hold as much text as they may, 16 MiB.", "Deregister the function, and register it again."),
    code("idempotency_key_reused", &[422], "The `Idempotency-Key` came with another request before.", "Use a new key for a new request."),
    code("int_overflow", &[], "A number has more than 32 bits, and the field is an `Int`.", "Ask for the field of the type `Position` instead."),
    code("internal", &[500], "Something is broken in the server.", "Look for the `request_id` in the server's log."),
    code("last_owner", &[400], "A namespace needs an owner.", "Make somebody else an owner first."),
    code("member_not_found", &[404], "The namespace has no such member.", "Ask for its members."),
    code("method_not_allowed", &[405], "The route does not take this method.", "The header `Allow` names those that it takes."),
    code("name_is_a_namespace", &[409], "A namespace of this name has functions; both would be called at one address.", "Choose another name."),
    code("name_reserved", &[409], "The name cannot be used here: it is kept for a namespace, or means something that you may not see.", "Choose another name; the operator's `EVENTFLOW_RESERVED_NAMES` lists names that are kept."),
    code("name_taken", &[409], "A function of this name exists.", "Deregister it first, or choose another name."),
    code("namespace_is_a_function", &[409], "A function of the default namespace has this name; both would be called at one address.", "Choose another namespace."),
    code("namespace_not_found", &[404], "There is no such namespace, or none that you may see.", "Check its name."),
    code("no_callback", &[400], "The run has no callback.", "Nothing."),
    code("no_earlier_version", &[409], "There is no version to go back to.", "Name a version."),
    code("no_http_trigger", &[404], "The function exists, but has no http trigger.", "Add `{\"type\": \"http\"}` to its triggers, or publish an event."),
    code("not_found", &[404], "There is nothing at this address.", "`/openapi.json` lists what there is."),
    code("not_http", &[502], "The function speaks something else than HTTP/1.1.", "Serve HTTP/1.1 on `$PORT`; gRPC and h2c cannot be reached."),
    code("not_supported", &[501], "OpenFaaS has this, and EventFlow has not.", "Read the page on moving from OpenFaaS."),
    code("older_servers", &[409], "A server of an older version is running on the same database.", "Finish the upgrade of all servers first."),
    code("other_namespace", &[400], "An event was to be sent again to a function of another namespace.", "Name a function of the event's own namespace; publish an event there."),
    code("page_too_large", &[400], "A page has at most 100 rows.", "Ask for fewer, and follow the cursor."),
    code("path_taken", &[409], "A path of the version's http triggers belongs to another function.", "Choose another path, or deregister that function."),
    code("payload_erased", &[409], "What is to be sent again was erased.", "Replay the run with a payload of your own."),
    code("payload_too_large", &[413], "The body, the event or the payload is too long.", "Send less, or let the operator raise the limit that the message names."),
    code("query_too_complex", &[], "The GraphQL query costs too much.", "Ask for fewer fields or smaller pages."),
    code("query_too_deep", &[], "The GraphQL query is nested too deep.", "Split it."),
    code("request_timeout", &[408], "The body did not come in time.", "Send it faster, or in one piece."),
    code("reserved_type", &[400], "The event's type is one that only EventFlow gives.", "Choose a type of your own."),
    code("run_id_taken", &[409], "Another run has this id.", "Use another `X-Call-Id`."),
    code("run_not_dead", &[409], "The run is not a dead letter.", "Only dead letters can be redriven and purged."),
    code("run_not_found", &[404], "There is no such run, or none that you may see.", "Runs are kept for `EVENTFLOW_RETAIN_RUNS`."),
    code("run_not_over", &[409], "The run is not over.", "Wait for its end, or cancel it."),
    code("run_not_replayable", &[409], "The run's input was cut or is gone.", "Replay it with a payload of your own."),
    code("run_not_running", &[409], "The run does not run.", "Look at its state."),
    code("run_over", &[409], "The run is over already.", "Replay it to run it again."),
    code("run_purged", &[409], "The dead letter was purged.", "Replay the run instead."),
    code("run_taken", &[409], "Another server runs it.", "Nothing: it goes on there."),
    code("secret_exists", &[409], "The namespace has a secret of this name.", "Update it instead."),
    code("secret_not_found", &[404], "The namespace has no such secret.", "Set it with `setSecret`."),
    code("stale_timestamp", &[401], "The webhook's delivery was signed more than 5 minutes ago, or in the future.", "Set the sender's clock."),
    code("timed_out", &[504], "The function did not answer in time.", "Raise `timeout_s`, or call it asynchronously."),
    code("token_not_found", &[404], "The namespace has no such token.", "Ask for its tokens."),
    code("too_long", &[400], "A text of the request is longer than it may be.", "Shorten the field that the message names."),
    code("too_many_builds", &[409], "16 builds of the function wait or run.", "Cancel one, or wait."),
    code("too_many_connections", &[503], "All places for connections or WebSockets are in use.", "Try again; let the operator raise `EVENTFLOW_MAX_CONNECTIONS` or `EVENTFLOW_MAX_SOCKETS`."),
    code("too_many_functions", &[409], "The namespace has as many functions as it may.", "Deregister some, or use another namespace; let the operator raise `EVENTFLOW_MAX_FUNCTIONS`."),
    code("too_many_members", &[400], "The namespace has 1,000 members, which is the limit.", "Remove somebody first."),
    code("too_many_paths", &[409], "The functions of the namespace would have more than 1,000 paths of their own.", "Take paths out of the http triggers, or deregister functions that have some."),
    code("too_many_requests", &[429], "Too many calls or runs wait, or too many passwords were wrong.", "Wait as long as `Retry-After` says."),
    code("too_many_secrets", &[400], "The namespace has 1,000 secrets, which is the limit.", "Remove one that is not needed."),
    code("too_many_subscriptions", &[], "The connection, the viewer or the whole server follows as many subscriptions as it may.", "Close one, or try again later."),
    code("unauthenticated", &[401], "The request says nobody, or a token that is not good.", "Sign in at `/auth/token`, and send `Authorization: Bearer`."),
    code("unavailable", &[503], "The log cannot be reached or does not keep up. Nothing was accepted.", "Try again after `Retry-After`."),
    code("unsupported_media_type", &[415], "The route does not take this `Content-Type`.", "Send `application/json`, or what `/openapi.json` says."),
    code("version_not_found", &[404], "The function has no such version.", "Ask for its versions."),
    code("version_not_kept", &[], "What was built of the version was removed: newer versions are kept instead.", "Build its source again; let the operator raise `EVENTFLOW_KEEP_VERSIONS`."),
    code("wrong_host", &[421], "The server has no such name.", "Use its address, or let the operator correct `EVENTFLOW_PUBLIC_URL`."),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Functions that make an error; the code follows within a few lines.
    const MAKERS: &[&str] = &[
        "HttpError::new(",
        "HttpError::bad_request(",
        "Problem::new(",
        "Refusal::problem(",
        "Self::problem(",
        "call.failed(",
        "coded(",
        "refused(",
        "fn code(&self)",
    ];

    /// The source text of the rooms that refuse requests, without their tests.
    fn sources() -> Vec<(String, String)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folders = ["src/edge", "src/gateway", "src/ingress", "src/operations", "../domain/src"];
        let files = folders.iter().flat_map(|folder| walkdir::WalkDir::new(root.join(folder)));
        let files = files.map(|entry| entry.unwrap().into_path()).filter(|path| {
            path.extension().is_some_and(|end| end == "rs")
                && !path.to_string_lossy().contains("tests")
                && !path.ends_with("codes.rs")
        });
        let read = files.map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
            (path.display().to_string(), code)
        });
        read.collect()
    }

    fn is_name(text: &str) -> bool {
        text.contains('_') && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(CODES.windows(2).all(|pair| pair[0].name < pair[1].name), "find() needs the order of names");
        assert_eq!(find("bad_page").map(|code| code.statuses), Some(&[400][..]));
        assert!(find("bad_pages").is_none());
    }

    #[test]
    fn every_code_that_is_made_is_in_the_table_and_the_other_way_round() {
        let sources = sources();
        let mut made = BTreeSet::new();
        for (file, text) in &sources {
            for maker in MAKERS {
                for (at, _) in text.match_indices(maker) {
                    let body = &text[at + maker.len()..];
                    // A list of codes ends with its function; a code that is an argument is the first text.
                    let (body, most) = match *maker {
                        "fn code(&self)" => (body.split("\n    }\n").next().unwrap(), usize::MAX),
                        _ => (body.split(';').next().unwrap(), 1),
                    };
                    for name in body.split('"').skip(1).step_by(2).take(most).filter(|text| is_name(text)) {
                        assert!(find(name).is_some(), "{file}: `{name}` is not in edge/codes.rs");
                        made.insert(name.to_owned());
                    }
                }
            }
        }
        assert!(made.len() > 50, "only {made:?} were found");
        for code in CODES {
            let quoted = format!("\"{}\"", code.name);
            assert!(sources.iter().any(|(_, text)| text.contains(&quoted)), "nobody makes `{}`", code.name);
        }
    }
}
