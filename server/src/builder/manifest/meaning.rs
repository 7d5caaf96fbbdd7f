//! Checks that a schema cannot express: contradictions between fields, and texts with their own grammar.
//!
//! Examines the JSON value, not a manifest: the faults of one section must not hide those of another.

use domain::manifest::http;
use domain::schedule::MAX_FIRINGS_A_MINUTE;
use domain::text::shown;
use serde_json::Value;

use super::fault::{Fault, escaped};
use crate::executor::images::Reference;

/// Bytes of a schedule's `data`, as JSON: it is in each of its events.
const MAX_SCHEDULE_DATA: usize = 64 * 1024;

/// The faults of meaning, but for those at places where `others` already found one.
pub(super) fn faults(json: &Value, others: &[Fault]) -> Vec<Fault> {
    let mut faults = Vec::new();
    runtime(json, &mut faults);
    triggers(json, &mut faults);
    variables(json, &mut faults);
    words(json, &mut faults);
    hosts(json, &mut faults);
    ranges(json, &mut faults);
    faults.retain(|fault| others.iter().all(|other| other.pointer != fault.pointer));
    faults
}

fn runtime(json: &Value, faults: &mut Vec<Fault>) {
    let runtime = json["runtime"].as_str().unwrap_or_default();
    if let Some(handler) = json["handler"].as_str() {
        let takes_one = !matches!(runtime, "command" | "docker");
        if !takes_one {
            faults.push(Fault::at(
                "/handler",
                format!(
                    "a handler is only for the runtimes node, python and python-flask, and this is {runtime}; remove it"
                ),
            ));
        } else if !is_handler(handler) {
            let example = match runtime {
                "python" => "main.handler",
                "python-flask" => "app.app",
                _ => "index.handler",
            };
            let message = format!(
                "`{}` must be FILE.EXPORT, a file in the function's folder without its ending, such as {example}",
                shown(handler)
            );
            faults.push(Fault::at("/handler", message));
        }
    }
    if json.get("adapter").is_some() && !matches!(runtime, "node" | "python") {
        faults.push(Fault::at(
            "/adapter",
            format!("an adapter is only for the runtimes node and python, and this is {runtime}; remove it"),
        ));
    }
    if let Some(command) = json["command"].as_array() {
        if matches!(runtime, "node" | "python" | "python-flask") {
            faults.push(Fault::at(
                "/command",
                format!("a command is only for the runtimes command and docker, and this is {runtime}; remove it"),
            ));
        }
        if command.first().and_then(Value::as_str) == Some("") {
            faults.push(Fault::at("/command/0", "it names no program"));
        }
        for (index, argument) in command.iter().enumerate().filter(|(_, argument)| has_zero(argument)) {
            let _ = argument;
            faults.push(Fault::at(format!("/command/{index}"), "there is a zero byte in it"));
        }
    }
    image(json, runtime, faults);
    if runtime == "python-flask" && json["mode"] == "job" {
        faults.push(Fault::at(
            "/mode",
            "a python-flask function answers HTTP and is a service; for a job, use the runtime python",
        ));
    }
}

/// What only images have.
fn image(json: &Value, runtime: &str, faults: &mut Vec<Fault>) {
    for name in ["image", "port", "health"] {
        if json.get(name).is_some() && runtime != "docker" {
            let message = format!("`{name}` is only for the runtime docker, and this is {runtime}; remove it");
            faults.push(Fault::at(format!("/{name}"), message));
        }
    }
    for name in ["dockerfile", "target"] {
        let at = format!("/build/{name}");
        if json["build"].get(name).is_none() {
            continue;
        }
        if runtime != "docker" {
            let message = format!("`{name}` is only for the runtime docker, and this is {runtime}; remove it");
            faults.push(Fault::at(at, message));
        } else if json.get("image").is_some() {
            let message = format!("`image` names an image that is built already; remove it, or `{name}`");
            faults.push(Fault::at(at, message));
        }
    }
    if json["build"]["dockerfile"].as_str().is_some_and(|path| !is_file_inside(path)) {
        let message = "it must be a file in the function's folder, such as docker/Dockerfile.prod: letters, digits and `._-+@`, with \
                       `/` between folders, and none of them `.` or `..`";
        faults.push(Fault::at("/build/dockerfile", message));
    }
    if json.get("health").is_some() && json["mode"] == "job" {
        faults.push(Fault::at("/health", "a job answers no requests; remove the health path"));
    }
    if let Some(why) = json["image"].as_str().and_then(|name| Reference::parse(name).err()) {
        faults.push(Fault::at("/image", why));
    }
}

/// `dir/file`: below the function's folder, with no character that a program on a command line could take for something else.
fn is_file_inside(path: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+@".contains(c);
    let named = |part: &str| !part.is_empty() && part != "." && part != ".." && part.chars().all(plain);
    path.split('/').all(named)
}

/// `dir/file.export`: where the wrappers look for it.
fn is_handler(handler: &str) -> bool {
    let Some((file, export)) = handler.rsplit_once('.') else {
        return false;
    };
    let word =
        |text: &str, more: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || more.contains(c));
    let inside = file.split('/').all(|part| word(part, "_-.$@") && part != "." && part != "..");
    inside && word(export, "_$") && !export.starts_with(|c: char| c.is_ascii_digit())
}

fn triggers(json: &Value, faults: &mut Vec<Fault>) {
    let mut webhooks = Vec::new();
    let mut firings = 0_u32;
    for (index, trigger) in json["triggers"].as_array().into_iter().flatten().enumerate() {
        let at = |name: &str| format!("/triggers/{index}{name}");
        match trigger["type"].as_str() {
            Some("http") => {
                let path = trigger["path"].as_str().and_then(http::path_fault);
                faults.extend(path.map(|fault| Fault::at(at("/path"), fault)));
                let origins = trigger["cors"]["origins"].as_array().into_iter().flatten();
                for (number, origin) in origins.enumerate() {
                    let place = at(&format!("/cors/origins/{number}"));
                    let fault = origin.as_str().and_then(http::origin_fault);
                    faults.extend(fault.map(|fault| Fault::at(place.clone(), fault)));
                    if origin == "*" && trigger["cors"]["credentials"] == true {
                        let message = "cookies are not sent to pages of all origins: name the origins";
                        faults.push(Fault::at(place, message));
                    }
                }
            }
            Some("event") => {
                let fault = trigger["pattern"].as_str().and_then(domain::trigger::fault);
                faults.extend(fault.map(|fault| Fault::at(at("/pattern"), fault)));
            }
            Some("schedule") => {
                let text = |name: &str| trigger[name].as_str();
                let cron = text("cron").and_then(domain::schedule::cron_fault);
                faults.extend(cron.map(|fault| Fault::at(at("/cron"), fault)));
                firings = firings.saturating_add(text("cron").map_or(0, domain::schedule::firings_a_minute));
                let timezone = text("timezone").and_then(domain::schedule::timezone_fault);
                faults.extend(timezone.map(|fault| Fault::at(at("/timezone"), fault)));
                let data = trigger.get("data").map_or(0, |data| data.to_string().len());
                if data > MAX_SCHEDULE_DATA {
                    faults
                        .push(Fault::at(at("/data"), format!("it has {data} bytes, the most is {MAX_SCHEDULE_DATA}")));
                }
            }
            Some("webhook") => {
                let scheme = trigger["scheme"].as_str().unwrap_or("none");
                let preset = trigger["preset"].as_str();
                if (scheme != "none" || preset.is_some()) && trigger.get("secret").is_none() {
                    let which =
                        preset.map_or_else(|| format!("scheme {scheme}"), |preset| format!("preset {}", shown(preset)));
                    let message =
                        format!("the {which} needs `secret`: the name of the secret that deliveries are proved with");
                    faults.push(Fault::at(at(""), message));
                }
                if let Some(preset) = preset {
                    for name in ["scheme", "header", "encoding", "prefix"] {
                        if trigger.get(name).is_some() {
                            let message = format!("the preset {} settles `{name}`; remove one of them", shown(preset));
                            faults.push(Fault::at(at(&format!("/{name}")), message));
                        }
                    }
                }
                for (name, schemes) in [
                    ("header", &["hmac-sha256", "token"][..]),
                    ("encoding", &["hmac-sha256"]),
                    ("prefix", &["hmac-sha256"]),
                ] {
                    if preset.is_none() && trigger.get(name).is_some() && !schemes.contains(&scheme) {
                        let message = format!(
                            "`{name}` is only for {}, and this is {}; remove it",
                            schemes.join(" and "),
                            shown(scheme)
                        );
                        faults.push(Fault::at(at(&format!("/{name}")), message));
                    }
                }
                if let Some(name) = trigger["name"].as_str() {
                    if webhooks.contains(&name) {
                        faults.push(Fault::at(at("/name"), format!("the webhook `{}` is there twice", shown(name))));
                    }
                    webhooks.push(name);
                }
            }
            _ => {}
        }
    }
    if firings > MAX_FIRINGS_A_MINUTE {
        let message = format!(
            "the schedules fire {firings} times in one minute together, the most is {MAX_FIRINGS_A_MINUTE}: let them fire \
             less often"
        );
        faults.push(Fault::at("/triggers", message));
    }
}

/// Labels and annotations: PostgreSQL takes no zero byte in a text.
fn words(json: &Value, faults: &mut Vec<Fault>) {
    for place in ["labels", "annotations"] {
        let pairs = json[place].as_object().into_iter().flatten().filter(|(_, value)| has_zero(value));
        faults.extend(
            pairs.map(|(name, _)| Fault::at(format!("/{place}/{}", escaped(name)), "there is a zero byte in it")),
        );
    }
}

fn variables(json: &Value, faults: &mut Vec<Fault>) {
    let reserved = |name: &str| name == "PORT" || name.starts_with("EVENTFLOW_");
    for (place, json) in [("", json), ("/build", &json["build"])] {
        variables_at(place, json, &reserved, faults);
    }
}

fn variables_at(place: &str, json: &Value, reserved: &dyn Fn(&str) -> bool, faults: &mut Vec<Fault>) {
    const RESERVED: &str = "is EventFlow's own variable; choose another name";
    let env = json["env"].as_object();
    for (name, value) in env.into_iter().flatten() {
        let at = || format!("{place}/env/{}", escaped(name));
        if reserved(name) {
            faults.push(Fault::at(at(), format!("`{}` {RESERVED}", shown(name))));
        }
        if has_zero(value) {
            faults.push(Fault::at(at(), "there is a zero byte in it"));
        }
    }
    for (index, secret) in json["secrets"].as_array().into_iter().flatten().enumerate() {
        let name = secret.as_str().unwrap_or_default();
        let at = || format!("{place}/secrets/{index}");
        if reserved(name) {
            faults.push(Fault::at(at(), format!("`{}` {RESERVED}", shown(name))));
        } else if env.is_some_and(|env| env.contains_key(name)) {
            faults.push(Fault::at(
                at(),
                format!("`{}` is also in `env`; only one of them can be the variable", shown(name)),
            ));
        }
    }
}

fn hosts(json: &Value, faults: &mut Vec<Fault>) {
    for (index, host) in json["resources"]["network"].as_array().into_iter().flatten().enumerate() {
        if let Some(host) = host.as_str()
            && let Some(fault) = domain::manifest::host_fault(host)
        {
            faults.push(Fault::at(format!("/resources/network/{index}"), format!("`{}`: {fault}", shown(host))));
        }
    }
}

fn ranges(json: &Value, faults: &mut Vec<Fault>) {
    // The defaults are the domain's; what is no number is another fault.
    let (scaling, retry) = (domain::manifest::Scaling::default(), domain::retry::Policy::default());
    let pairs = [
        ("scaling", "min", f64::from(scaling.min), "max", f64::from(scaling.max)),
        ("retry", "backoff_s", retry.backoff_s, "backoff_max_s", retry.backoff_max_s),
    ];
    for (section, low, low_default, high, high_default) in pairs {
        let section_json = &json[section];
        let number = |name: &str, default: f64| section_json.get(name).map_or(Some(default), Value::as_f64);
        let (Some(from), Some(to)) = (number(low, low_default), number(high, high_default)) else {
            continue;
        };
        if from > to {
            // Only `max` was set: the fault is where somebody wrote something.
            let name = if section_json.get(low).is_some() { low } else { high };
            faults.push(Fault::at(
                format!("/{section}/{name}"),
                format!("`{low}` ({from}) is more than `{high}` ({to})"),
            ));
        }
    }
}

fn has_zero(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains('\0'))
}
