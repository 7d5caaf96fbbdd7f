//! A function and a build that have the network, against what they must not reach with it.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{Options, TestApp, json_of};
use crate::victim::victim;

const GREETING: &str = "hello from the host";

/// Connects to each address and says how that went: an error, or what the other side said.
const PROBE: &str = "const net = require('net');\n\
    const probe = (host, port) => new Promise((done) => {\n  const socket = net.connect({ host, port });\n  \
    const end = (how) => { socket.destroy(); done(how); };\n  socket.setTimeout(10000, () => end('silence'));\n  \
    socket.on('connect', () => socket.write('GET /healthz HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'));\n  \
    socket.on('data', (data) => end('said: ' + data));\n  socket.on('error', (error) => end(error.code));\n  \
    socket.on('close', () => end('closed'));\n});\n\
    exports.all = async (addresses) => {\n  const found = {};\n  for (const address of addresses) {\n    \
    const at = address.lastIndexOf(':');\n    found[address] = await probe(address.slice(0, at), Number(address.slice(at + 1)));\n  }\n  \
    return found;\n};\n";

/// Listens on every address of this host, and greets.
fn greeter() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(GREETING.as_bytes());
        }
    });
    port
}

/// Addresses that a function must not reach: of this host, of clouds, of private networks.
fn closed(app: &TestApp) -> Vec<String> {
    let port = greeter();
    let server = reqwest::Url::parse(&app.url).unwrap().port().unwrap();
    let interfaces = nix::ifaddrs::getifaddrs().unwrap();
    let own = interfaces.filter_map(|interface| Some(interface.address?.as_sockaddr_in()?.ip().to_string()));
    let hosts = own.chain(["localhost", "0.0.0.0", "::1", "::ffff:127.0.0.1", "10.0.2.2"].map(str::to_owned));
    let own: Vec<String> = hosts.flat_map(|host| [format!("{host}:{port}"), format!("{host}:{server}")]).collect();
    let others = [
        "169.254.169.254",
        "169.254.170.2",
        "168.63.129.16",
        "100.100.100.200",
        "fd00:ec2::254",
        "10.9.8.7",
        "192.168.77.7",
    ];
    own.into_iter().chain(others.map(|host| format!("{host}:80"))).collect()
}

fn assert_closed(found: &Value, addresses: &[String]) {
    for address in addresses {
        let how = found[address].as_str().unwrap_or_else(|| panic!("{address} was not tried: {found:#}"));
        assert!(!how.starts_with("said") && how != "silence", "{address} {how}");
    }
}

#[tokio::test]
async fn a_function_with_the_network_does_not_reach_this_host_clouds_or_private_networks() {
    let app = victim(Options::default()).await;
    let addresses = closed(&app);
    let handler = "const { all } = require('./probe.js');\nexports.handler = async (event) => all(event.data);";
    for network in [json!(true), json!(["example.com", "0.0.0.0/0", "localhost"])] {
        let name = if network.is_boolean() { "open" } else { "listed" };
        let manifest = json!({ "runtime": "node", "resources": { "network": network } }).to_string();
        app.running(name, &[("index.js", handler), ("probe.js", PROBE), ("function.json", &manifest)]).await;
        let answer = app.post(&format!("/function/{name}")).json(&addresses).send().await.unwrap();
        assert_closed(&json_of(answer, StatusCode::OK).await, &addresses);
    }
}

#[tokio::test]
async fn a_function_does_not_see_which_names_the_host_knows() {
    let app = victim(Options::default()).await;
    let handler = "exports.handler = async () => require('fs').readFileSync('/etc/hosts', 'utf8');";
    for (name, network) in [("none", json!(false)), ("open", json!(true)), ("listed", json!(["example.com"]))] {
        let manifest = json!({ "runtime": "node", "resources": { "network": network } }).to_string();
        app.running(name, &[("index.js", handler), ("function.json", &manifest)]).await;
        let seen = json_of(app.call(name).await, StatusCode::OK).await;
        assert_eq!(seen, "127.0.0.1 localhost\n::1 localhost\n", "{name}");
    }
}

#[tokio::test]
async fn a_function_cannot_use_the_known_token_of_a_developers_server() {
    let app = victim(Options::default()).await;
    let handler = "exports.handler = async (event) => {\n  const answers = [];\n  for (const url of event.data) {\n    try {\n      \
        const answer = await fetch(url, { headers: { authorization: 'Bearer dev-token' }, signal: AbortSignal.timeout(10000) });\n      \
        answers.push(answer.status);\n    } catch (error) { answers.push('refused'); }\n  }\n  return answers;\n};";
    let manifest = json!({ "runtime": "node", "resources": { "network": true } }).to_string();
    app.running("thief", &[("index.js", handler), ("function.json", &manifest)]).await;
    let port = reqwest::Url::parse(&app.url).unwrap().port().unwrap();
    let hosts = ["127.0.0.1", "localhost", "0.0.0.0", "10.0.2.2"];
    let urls: Vec<String> = hosts.iter().map(|host| format!("http://{host}:{port}/v1/functions")).collect();
    let answer = app.post("/function/thief").json(&urls).send().await.unwrap();
    assert_eq!(json_of(answer, StatusCode::OK).await, json!(["refused", "refused", "refused", "refused"]));
}

#[tokio::test]
async fn an_install_script_does_not_reach_this_host_clouds_or_private_networks() {
    let app = victim(Options::default()).await;
    let addresses = closed(&app);
    let install = "require('./probe.js').all(JSON.parse(require('fs').readFileSync('addresses.json')))\n  \
        .then((found) => require('fs').writeFileSync('found.json', JSON.stringify(found)));";
    let files = [
        ("index.js", "exports.handler = async () => require('./found.json');"),
        ("probe.js", PROBE),
        ("install.js", install),
        ("addresses.json", &serde_json::to_string(&addresses).unwrap()),
        ("package.json", r#"{"name": "spy", "version": "1.0.0", "scripts": {"build": "node install.js"}}"#),
    ];
    app.running("spy", &files).await;
    assert_closed(&json_of(app.call("spy").await, StatusCode::OK).await, &addresses);
}
