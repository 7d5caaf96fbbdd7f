//! Strategies for values of every type that is stored in the log.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::access::{ROLES, Role};
use domain::function::event as f;
use domain::manifest::{
    Adapter, Build, CatchUp, Cors, HttpAuth, HttpTrigger, Manifest, Mode, Network, Overlap, Reply, Resources, Runtime,
    Scaling, Schedule, SignatureEncoding, Trigger, Webhook, WebhookPreset, WebhookScheme,
};
use domain::namespace;
use domain::run::event as r;
use domain::{Json, event, function, retry, run};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Number, Value};
use uuid::Uuid;

/// Any moment from year 1 to 9999, to the nanosecond.
pub fn time() -> impl Strategy<Value = DateTime<Utc>> {
    (-62_135_596_800i64..253_402_300_800, 0u32..1_000_000_000)
        .prop_map(|(seconds, nanos)| DateTime::from_timestamp(seconds, nanos).expect("a year of four digits"))
}

/// Any text: control characters, quotes, surrogates' neighbours.
pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a-z0-9.:/ -]{0,12}", 1 => vec(any::<char>(), 0..8).prop_map(String::from_iter)]
}

/// Any id.
pub fn id<T>() -> impl Strategy<Value = domain::Id<T>>
where
    domain::Id<T>: std::fmt::Debug,
{
    any::<u128>().prop_map(|n| Uuid::from_u128(n).into())
}

/// Any number that JSON can hold.
pub fn number() -> impl Strategy<Value = f64> {
    use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    prop_oneof![POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO, 0.0..1000.0f64]
}

/// Any JSON value of a few levels.
pub fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        number().prop_map(|n| Number::from_f64(n).map_or(Value::Null, Value::Number)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(text(), inner, 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Any JSON text, `null` and what no `Value` can hold among it.
pub fn json() -> impl Strategy<Value = Json> {
    let odd = vec!["null", "1e999", "[ 1 ,2 ]", r#""\ud800""#, "1.0", "-0"];
    let odd = proptest::sample::select(odd).prop_map(|text| Json::parse(text).expect("it is JSON"));
    prop_oneof![3 => value().prop_map(|value| Json::from(&value)), 1 => odd]
}

/// Any policy that a manifest can have.
pub fn policy() -> impl Strategy<Value = retry::Policy> {
    (prop_oneof![0u32..6, any::<u32>()], number(), number())
        .prop_map(|(max_attempts, backoff_s, backoff_max_s)| retry::Policy { max_attempts, backoff_s, backoff_max_s })
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let catch_up = proptest::sample::select(vec![CatchUp::None, CatchUp::Last, CatchUp::All]);
    let overlap = proptest::sample::select(vec![Overlap::Allow, Overlap::Forbid]);
    // `null` is equivalent to an absent value, see the manifest.
    let data = option::of(value().prop_filter("not null", |value| !value.is_null()));
    (text(), text(), catch_up, overlap, data).prop_map(|(cron, timezone, catch_up, overlap, data)| Schedule {
        cron,
        timezone,
        catch_up,
        overlap,
        data,
    })
}

fn http() -> impl Strategy<Value = HttpTrigger> {
    let auth = proptest::sample::select(vec![HttpAuth::Token, HttpAuth::None]);
    let list = || vec(text(), 0..3);
    let cors = (list(), list(), list(), any::<bool>(), any::<u32>()).prop_map(
        |(origins, methods, headers, credentials, max_age_s)| Cors {
            origins,
            methods,
            headers,
            credentials,
            max_age_s,
        },
    );
    (option::of(text()), auth, option::of(cors)).prop_map(|(path, auth, cors)| HttpTrigger { path, auth, cors })
}

fn trigger() -> impl Strategy<Value = Trigger> {
    let scheme = proptest::sample::select(vec![
        WebhookScheme::Github,
        WebhookScheme::StandardWebhooks,
        WebhookScheme::HmacSha256,
        WebhookScheme::Stripe,
        WebhookScheme::Slack,
        WebhookScheme::Twilio,
        WebhookScheme::Token,
        WebhookScheme::None,
    ]);
    let encoding = proptest::sample::select(vec![SignatureEncoding::Hex, SignatureEncoding::Base64]);
    let filter = btree_map(text(), value(), 0..3).prop_map(|entries| entries.into_iter().collect::<Map<_, _>>());
    prop_oneof![
        http().prop_map(Trigger::Http),
        (text(), filter).prop_map(|(pattern, filter)| Trigger::Event { pattern, filter }),
        schedule().prop_map(Trigger::Schedule),
        webhook(scheme, encoding).prop_map(Trigger::Webhook),
    ]
}

fn webhook(
    scheme: impl Strategy<Value = WebhookScheme>,
    encoding: impl Strategy<Value = SignatureEncoding>,
) -> impl Strategy<Value = Webhook> {
    let preset = proptest::sample::select(vec![
        WebhookPreset::Stripe,
        WebhookPreset::Slack,
        WebhookPreset::Gitlab,
        WebhookPreset::Shopify,
        WebhookPreset::Twilio,
        WebhookPreset::Bitbucket,
    ]);
    let reply = proptest::sample::select(vec![Reply::Async, Reply::Sync]);
    let texts = (text(), option::of(text()), option::of(text()), option::of(text()), option::of(text()));
    (texts, option::of(preset), option::of(scheme), encoding, reply).prop_map(
        |((name, secret, header, prefix, delivery_header), preset, scheme, encoding, reply)| Webhook {
            name,
            preset,
            scheme,
            secret,
            header,
            encoding,
            prefix,
            delivery_header,
            reply,
        },
    )
}

/// Any manifest.
pub fn manifest() -> impl Strategy<Value = Manifest> {
    let runtime = proptest::sample::select(vec![
        Runtime::Node,
        Runtime::Python,
        Runtime::PythonFlask,
        Runtime::Command,
        Runtime::Docker,
    ]);
    let mode = proptest::sample::select(vec![Mode::Service, Mode::Job]);
    let network = prop_oneof![Just(Network::None), Just(Network::Open), vec(text(), 0..3).prop_map(Network::Only)];
    let resources = (any::<u64>(), number(), number(), any::<u64>(), network)
        .prop_map(|(memory_mb, cpu, timeout_s, pids, network)| Resources { memory_mb, cpu, timeout_s, pids, network });
    let scaling = (any::<u32>(), any::<u32>(), any::<u32>(), any::<u64>(), any::<u32>())
        .prop_map(|(min, max, concurrency, idle_s, prewarm)| Scaling { min, max, concurrency, idle_s, prewarm });
    let adapter = option::of(proptest::sample::select(Adapter::ALL.to_vec()));
    let image = (option::of(text()), option::of(any::<u16>()), option::of(text()));
    let command = (option::of(vec(text(), 0..3)), image);
    let who = (option::of(text()), runtime, mode, (option::of(text()), adapter), command);
    let build = (btree_map(text(), text(), 0..3), vec(text(), 0..3), option::of(text()), option::of(text()));
    let build = build.prop_map(|(env, secrets, dockerfile, target)| Build { env, secrets, dockerfile, target });
    let build = (any::<(bool, bool, bool)>(), build);
    let pairs = || btree_map(text(), text(), 0..3);
    let paths = (vec(text(), 0..3), pairs(), pairs());
    let what = (vec(trigger(), 0..4), pairs(), vec(text(), 0..3), paths, build);
    (who, what, resources, scaling, policy()).prop_map(
        |(
            (name, runtime, mode, (handler, adapter), (command, (image, port, health))),
            (triggers, env, secrets, (watch_paths, labels, annotations), ((start_test, submodules, lfs), build)),
            resources,
            scaling,
            retry,
        )| {
            Manifest {
                name,
                runtime,
                mode,
                handler,
                adapter,
                command,
                image,
                port,
                health,
                triggers,
                env,
                secrets,
                resources,
                scaling,
                retry,
                watch_paths,
                labels,
                annotations,
                start_test,
                submodules,
                lfs,
                build,
            }
        },
    )
}

/// A folder that a build offers.
pub fn offered() -> impl Strategy<Value = function::OfferedFolder> {
    (text(), text(), option::of(text())).prop_map(|(path, recognized_as, name)| function::OfferedFolder {
        path,
        recognized_as,
        name,
    })
}

/// Any source.
pub fn source() -> impl Strategy<Value = f::Source> {
    prop_oneof![
        (text(), option::of(text()), option::of(text())).prop_map(|(url, git_ref, path)| f::Source::Git {
            url,
            git_ref,
            path
        }),
        text().prop_map(|digest| f::Source::Bundle { digest }),
        (text(), option::of(vec(text(), 0..3))).prop_map(|(image, command)| f::Source::Image { image, command }),
    ]
}

/// Anything that a build makes.
pub fn made() -> impl Strategy<Value = function::Made> {
    use function::Made;
    prop_oneof![
        (text(), any::<u64>()).prop_map(|(digest, size)| Made::Artifact { digest, size }),
        (text(), text(), option::of(image_facts())).prop_map(|(reference, digest, facts)| Made::Image {
            reference,
            digest,
            facts
        }),
    ]
}

fn image_facts() -> impl Strategy<Value = function::made::ImageFacts> {
    let pull = (option::of(time()), option::of(any::<u64>()));
    (any::<u64>(), any::<u32>(), text(), pull).prop_map(|(size, layers, platform, (pulled_at, pull_ms))| {
        function::made::ImageFacts { size, layers, platform, pulled_at, pull_ms }
    })
}

/// Any event of a function.
pub fn function_event() -> impl Strategy<Value = function::Event> {
    use function::Event as E;
    let share = (any::<u32>(), any::<u32>()).prop_map(|(version, percent)| f::Share { version, percent });
    let registered = ((id(), text(), text(), any::<u32>()), source(), option::of(json()), time()).prop_map(
        |((id, namespace, name, generation), source, manifest, at)| {
            E::Registered(f::Registered { id, namespace, name, generation, source, manifest, at })
        },
    );
    let succeeded = (id(), any::<u32>(), made(), manifest(), option::of(text()), time()).prop_map(
        |(build, version, made, manifest, commit, at)| {
            let manifest = Box::new(manifest);
            E::BuildSucceeded(f::BuildSucceeded { build, version, made, manifest, commit, at })
        },
    );
    prop_oneof![
        registered,
        (source(), option::of(json()), time()).prop_map(|(source, manifest, at)| E::Updated(f::Updated {
            source,
            manifest,
            at
        })),
        (id(), source(), option::of(json()), time()).prop_map(|(build, source, manifest, at)| E::BuildRequested(
            f::BuildRequested { build, source, manifest, at }
        )),
        (id(), text(), time()).prop_map(|(build, node, at)| E::BuildStarted(f::BuildStarted { build, node, at })),
        succeeded,
        (id(), text(), vec(offered(), 0..3), time())
            .prop_map(|(build, error, offered, at)| E::BuildFailed(f::BuildFailed { build, error, offered, at })),
        (id(), time()).prop_map(|(build, at)| E::BuildCancelled(f::BuildCancelled { build, at })),
        (any::<u32>(), time()).prop_map(|(version, at)| E::Started(f::Started { version, at })),
        (option::of(text()), time()).prop_map(|(reason, at)| E::Stopped(f::Stopped { reason, at })),
        (any::<u32>(), any::<u32>(), option::of(text()), time()).prop_map(|(version, previous, reason, at)| {
            E::VersionPromoted(f::VersionPromoted { version, previous, reason, at })
        }),
        (vec(share, 0..4), time()).prop_map(|(split, at)| E::TrafficShifted(f::TrafficShifted { split, at })),
        (any::<u32>(), text(), text(), time()).prop_map(|(version, instance, error, at)| E::InstanceFailed(
            f::InstanceFailed { version, instance, error, at }
        )),
        (any::<u32>(), text(), time()).prop_map(|(version, instance, at)| E::InstanceRecovered(f::InstanceRecovered {
            version,
            instance,
            at
        })),
        time().prop_map(|at| E::Deregistered(f::Deregistered { at })),
    ]
}

/// Any request of a run.
pub fn request() -> impl Strategy<Value = r::Request> {
    let who = (id(), id(), text(), text());
    let how = (option::of(any::<u32>()), option::of(id()), option::of(text()));
    (who, option::of(id()), json(), any::<bool>(), how).prop_map(
        |((run, function, namespace, trigger), event, input, input_cut, (version, replayed_from, callback))| {
            r::Request { run, function, namespace, trigger, event, input, input_cut, version, replayed_from, callback }
        },
    )
}

/// Any outcome of an attempt.
pub fn outcome() -> impl Strategy<Value = r::Outcome> {
    let flags = (any::<bool>(), any::<bool>());
    let encoding = prop_oneof![Just(r::Encoding::Json), Just(r::Encoding::Text), Just(r::Encoding::Base64)];
    let kept = (option::of(json()), encoding, option::of(text()));
    let crash = option::of(prop_oneof![Just(r::Crash::Alone), Just(r::Crash::Shared)]);
    (kept, option::of(any::<u16>()), option::of(any::<i32>()), option::of(text()), flags, crash).prop_map(
        |((output, encoding, content_type), http_status, exit_code, instance, (output_cut, cold_start), crash)| {
            r::Outcome {
                output,
                output_cut,
                encoding,
                content_type,
                http_status,
                exit_code,
                instance,
                cold_start,
                crash,
            }
        },
    )
}

/// Any failure of an attempt.
pub fn failure() -> impl Strategy<Value = r::Failure> {
    (text(), any::<bool>(), outcome()).prop_map(|(error, timed_out, outcome)| r::Failure { error, timed_out, outcome })
}

/// Any way to deliver.
pub fn delivery() -> impl Strategy<Value = r::Delivery> {
    prop_oneof![Just(r::Delivery::Once), policy().prop_map(r::Delivery::Retried)]
}

/// Any synchronous call.
pub fn answered() -> impl Strategy<Value = r::Answered> {
    let ending = proptest::sample::select(vec![
        r::Ending::Succeeded,
        r::Ending::Failed,
        r::Ending::TimedOut,
        r::Ending::Cancelled,
    ]);
    let times = (time(), option::of(time()), time());
    (request(), any::<u32>(), ending, option::of(text()), outcome(), times).prop_map(
        |(request, ran, ending, error, outcome, (queued_at, started_at, at))| r::Answered {
            request,
            ran,
            ending,
            error,
            outcome,
            queued_at,
            started_at,
            at,
        },
    )
}

/// Any event of a run.
pub fn run_event() -> impl Strategy<Value = run::Event> {
    use run::Event as E;
    prop_oneof![
        (request(), delivery(), time()).prop_map(|(request, delivery, at)| E::Requested(r::Requested {
            request,
            delivery,
            at
        })),
        (any::<u32>(), any::<u32>(), text(), time()).prop_map(|(attempt, version, node, at)| E::Started(r::Started {
            attempt,
            version,
            node,
            at
        })),
        (any::<u32>(), failure(), time(), time())
            .prop_map(|(attempt, failure, due, at)| E::AttemptFailed(r::AttemptFailed { attempt, failure, due, at })),
        (outcome(), time()).prop_map(|(outcome, at)| E::Succeeded(r::Succeeded { outcome, at })),
        (failure(), time()).prop_map(|(failure, at)| E::Failed(r::Failed { failure, at })),
        (failure(), time()).prop_map(|(failure, at)| E::TimedOut(r::TimedOut { failure, at })),
        time().prop_map(|at| E::Cancelled(r::Cancelled { at })),
        (failure(), time()).prop_map(|(failure, at)| E::DeadLettered(r::DeadLettered { failure, at })),
        (option::of(any::<u32>()), text(), time()).prop_map(|(attempt, reason, at)| E::Deferred(r::Deferred {
            attempt,
            reason,
            at
        })),
        answered().prop_map(|answered| E::Answered(Box::new(answered))),
        (id(), option::of(policy()), time()).prop_map(|(run, retry, at)| E::Redriven(r::Redriven { run, retry, at })),
        time().prop_map(|at| E::Purged(r::Purged { at })),
        (any::<u32>(), text(), option::of(time()), time())
            .prop_map(|(attempt, error, due, at)| E::CallbackFailed(r::CallbackFailed { attempt, error, due, at })),
        (any::<u32>(), time()).prop_map(|(attempt, at)| E::CallbackDelivered(r::CallbackDelivered { attempt, at })),
    ]
}

/// Any trigger event.
pub fn received() -> impl Strategy<Value = event::Received> {
    let who = (id(), text(), text(), text(), text());
    let how = (option::of(id()), any::<bool>(), option::of(policy()), option::of(text()));
    (who, option::of(text()), json(), how, time()).prop_map(
        |((id, namespace, kind, source, event_id), subject, event, (target, asynchronous, retry, callback), at)| {
            event::Received {
                id,
                namespace,
                kind,
                source,
                event_id,
                subject,
                event,
                target,
                asynchronous,
                retry,
                callback,
                erased_at: None,
                at,
            }
        },
    )
}

/// Any role.
pub fn role() -> impl Strategy<Value = Role> {
    proptest::sample::select(ROLES.to_vec())
}

/// Any event of a namespace.
pub fn namespace_event() -> impl Strategy<Value = namespace::Event> {
    use namespace::Event as E;
    let token = || any::<u128>().prop_map(Uuid::from_u128);
    prop_oneof![
        (text(), time()).prop_map(|(name, at)| E::Created { name, at }),
        (text(), role(), time()).prop_map(|(member, role, at)| E::MemberAdded { member, role, at }),
        (text(), role(), time()).prop_map(|(member, role, at)| E::RoleChanged { member, role, at }),
        (text(), time()).prop_map(|(member, at)| E::MemberRemoved { member, at }),
        (token(), text(), time()).prop_map(|(token, name, at)| E::TokenCreated { token, name, at }),
        (token(), time()).prop_map(|(token, at)| E::TokenRevoked { token, at }),
        (text(), time()).prop_map(|(secret, at)| E::SecretSet { secret, at }),
        (text(), time()).prop_map(|(secret, at)| E::SecretRemoved { secret, at }),
        (text(), any::<u64>(), time()).prop_map(|(quota, limit, at)| E::QuotaSet { quota, limit, at }),
    ]
}

/// Any cause, from few different texts and ids, so that two of them are often nearly equal.
pub fn cause() -> impl Strategy<Value = domain::Cause> {
    let actor = option::of("[ab\0]{0,2}".prop_map(|text| Arc::from(&*text)));
    let id = || option::of((0u128..2).prop_map(Uuid::from_u128));
    (actor, id(), id()).prop_map(|(actor, causation, correlation)| domain::Cause { actor, causation, correlation })
}
