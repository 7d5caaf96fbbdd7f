//! The network of a sandbox: what it reaches, and what it must not.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::time::Duration;

use server::config::Reach;
use server::executor::{Executor, JobCall, Network, Runtime, Task, Workbench};

use super::hostile::processes_with;
use super::{Fixture, Log, READY_WITHIN, call, clean, get, texts, until};

/// What a listener of [`greeter`] says to whoever connects.
const GREETING: &str = "hello";

/// Listens on a free port of these addresses and greets; its port.
fn greeter(address: IpAddr) -> u16 {
    let listener = TcpListener::bind((address, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(GREETING.as_bytes());
        }
    });
    port
}

/// A script that connects to each address and prints `ADDRESS reached` when it was greeted, `ADDRESS refused` when not even
/// the connection was made, and `ADDRESS closed` when it was made, and closed without a word.
fn probe(addresses: &[String]) -> String {
    format!(
        "import socket\nfor text in {addresses:?}:\n    host, port = text.rsplit(':', 1)\n    try:\n        \
         stream = socket.create_connection((host.strip('[]'), int(port)), 5)\n    except OSError as error:\n        \
         print(text, 'refused', flush=True)\n        continue\n    try:\n        \
         print(text, 'reached' if stream.recv(9) == b'{GREETING}' else 'closed', flush=True)\n    \
         except OSError:\n        print(text, 'closed', flush=True)"
    )
}

fn fixture(allow: &str) -> Fixture {
    let fixture = Fixture::new();
    let Fixture { sandbox, data, code } = fixture;
    let sandbox = sandbox.with_network(Reach::parse(allow).unwrap(), false);
    assert!(
        !sandbox.warnings().iter().any(|warning| warning.contains("need the network")),
        "these tests need nftables (Debian: apt-get install nftables): {:?}",
        sandbox.warnings()
    );
    Fixture { sandbox, data, code }
}

/// What the script prints, as a function with this network.
async fn output(fixture: &Fixture, script: &str, network: Network) -> Vec<String> {
    let mut spec = fixture.python(script);
    spec.limits.network = network;
    let (lines, log) = Log::new();
    fixture.sandbox.job(spec, JobCall { timeout: READY_WITHIN, ..call() }, lines).await.unwrap();
    texts(&log.all().await).into_iter().map(str::to_owned).collect()
}

/// Every IPv4 address of this host that is not of the loopback interface's own network.
fn own_addresses() -> Vec<Ipv4Addr> {
    let interfaces = nix::ifaddrs::getifaddrs().unwrap();
    let addresses = interfaces.filter_map(|interface| Some(interface.address?.as_sockaddr_in()?.ip()));
    addresses.filter(|address| !address.is_loopback()).collect()
}

fn only(hosts: &[&str]) -> Network {
    Network::Only(hosts.iter().map(|host| (*host).to_owned()).collect())
}

#[tokio::test]
async fn this_host_is_closed_however_it_is_addressed() {
    let port = greeter(Ipv4Addr::UNSPECIFIED.into());
    let mut addresses: Vec<String> = own_addresses().iter().map(|address| format!("{address}:{port}")).collect();
    for loopback in ["127.0.0.1", "127.1.2.3", "0.0.0.0", "localhost", "[::1]", "[::ffff:127.0.0.1]", "10.0.2.2"] {
        addresses.push(format!("{loopback}:{port}"));
    }
    let fixture = fixture("");
    for network in [Network::Open, only(&["0.0.0.0/0", "localhost", "::/0"])] {
        let printed = output(&fixture, &probe(&addresses), network).await;
        assert_eq!(printed.len(), addresses.len(), "{printed:?}");
        for line in printed {
            assert!(line.ends_with(" refused"), "{line}");
        }
    }
}

#[tokio::test]
async fn metadata_services_and_what_is_not_the_internet_are_closed_even_with_ranges_opened() {
    let closed = [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "168.63.129.16",
        "192.0.0.192",
        "100.100.100.200",
        "169.254.42.42",
        "169.254.0.23",
        "169.254.7.7",
        "224.0.0.1",
        "255.255.255.255",
        "[fd00:ec2::254]",
        "[fe80::a9fe:a9fe]",
        "[64:ff9b::a9fe:a9fe]",
    ];
    let private = ["10.77.0.1", "172.20.0.1", "192.168.77.1", "100.64.0.1", "[fd12::1]"];
    let addresses: Vec<String> = closed.iter().chain(&private).map(|address| format!("{address}:80")).collect();
    let printed = output(&fixture(""), &probe(&addresses), Network::Open).await;
    assert_eq!(printed, addresses.iter().map(|address| format!("{address} refused")).collect::<Vec<_>>());

    let opened = fixture("0.0.0.0/0,169.254.0.0/16,::/0");
    let addresses: Vec<String> = closed.iter().map(|address| format!("{address}:80")).collect();
    let printed = output(&opened, &probe(&addresses), Network::Open).await;
    assert_eq!(printed, addresses.iter().map(|address| format!("{address} refused")).collect::<Vec<_>>());
}

#[tokio::test]
async fn only_connections_and_questions_for_names_leave() {
    let script = "import socket\nudp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
        try:\n    udp.sendto(b'x', ('1.1.1.1', 53)); udp.sendto(b'x', ('1.1.1.1', 53)); print('sent')\nexcept OSError: print('udp refused')\n\
        try:\n    socket.create_connection(('2606:4700::1111', 443), 5); print('connected')\nexcept OSError: print('IPv6 refused')\n\
        try:\n    open('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'w').write('0'); print('wrote')\nexcept OSError: print('settings refused')\n\
        import subprocess\nfor command in [['/usr/sbin/nft', 'flush', 'ruleset'], ['ip', 'route', 'add', '1.1.1.1', 'dev', 'lo'], ['ip', 'link', 'set', 'lo', 'down']]:\n    \
        try:\n        print(command[0], subprocess.run(command, capture_output=True).returncode != 0)\n    except OSError: print(command[0], True)";
    let printed = output(&fixture(""), script, Network::Open).await;
    let refused = ["udp refused", "IPv6 refused", "settings refused", "/usr/sbin/nft True", "ip True", "ip True"];
    assert_eq!(printed, refused);
}

/// An address of this host stands for another host: one that is listed itself is open.
#[tokio::test]
async fn what_is_open_is_reached_with_all_that_is_sent() {
    let Some(own) = own_addresses().into_iter().next() else {
        return println!("skipped: this host has loopback addresses only");
    };
    let listener = TcpListener::bind((own, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let echo = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut copy = stream.try_clone().unwrap();
        std::io::copy(&mut stream, &mut copy).unwrap();
    });
    let fixture = fixture(&own.to_string());
    let script = format!(
        "import socket, threading\ns = socket.create_connection(('{own}', {port}), 10)\n\
         def send():\n    for _ in range(64): s.sendall(b'x' * 65536)\n    s.shutdown(socket.SHUT_WR)\n\
         threading.Thread(target=send).start()\ncount = 0\nwhile True:\n    part = s.recv(65536)\n    \
         if not part: break\n    count += len(part)\nprint(count)"
    );
    assert_eq!(output(&fixture, &script, Network::Open).await, ["4194304"]);
    echo.join().unwrap();
    let greeting = greeter(own.into());
    let elsewhere = format!("{own}:{greeting}");
    let probe = probe(std::slice::from_ref(&elsewhere));
    let all = output(&fixture, &probe, only(&["example.com", &format!("{own}/24")])).await;
    assert_eq!(all, [format!("{elsewhere} reached")]);
    let others = output(&fixture, &probe, only(&["example.com", "1.1.1.1"])).await;
    assert_eq!(others, [format!("{elsewhere} refused")]);
}

/// `0x7f000001` is a name that every resolver takes for 127.0.0.1: so no server for names is needed here.
#[tokio::test]
async fn a_name_of_a_list_leads_where_it_means_if_that_is_open() {
    let port = greeter(Ipv4Addr::LOCALHOST.into());
    let script = format!(
        "import socket, struct\ndef ask(name, kind):\n    \
         udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.settimeout(5)\n    \
         parts = b''.join(bytes([len(part)]) + part.encode() for part in name.split('.')) + b'\\0'\n    \
         udp.sendto(struct.pack('!6H', 7, 256, 1, 0, 0, 0) + parts + struct.pack('!2H', kind, 1), ('127.0.0.53', 53))\n    \
         answer = udp.recv(512)\n    \
         return answer[3] & 15, socket.inet_ntoa(answer[-4:]) if answer[7] else None\n\
         print(ask('0x7f000001', 1), ask('0x7f000001', 28), ask('other.example', 1))\n\
         try:\n    s = socket.create_connection((ask('0x7f000001', 1)[1], {port}), 5); print(s.recv(9))\n\
         except OSError: print('closed')"
    );
    let names = "(0, '198.18.0.1') (0, None) (3, None)";
    let network = only(&["0x7f000001"]);
    let printed = output(&fixture("127.0.0.1"), &script, network.clone()).await;
    assert_eq!(printed, [names.to_owned(), format!("b'{GREETING}'")]);
    // A list opens nothing that the server closes; the function's log says why.
    let printed = output(&fixture(""), &script, network).await;
    assert!(!printed.iter().any(|line| line.contains(GREETING)), "{printed:?}");
    assert!(printed.iter().any(|line| line.contains("the server's own")), "{printed:?}");
}

/// The host's addresses may change while a sandbox runs.
#[tokio::test]
async fn an_address_that_this_host_gets_later_is_closed_too() {
    if !nix::unistd::geteuid().is_root() {
        return println!("skipped: only root gives this host an address");
    }
    struct Address(&'static str);
    impl Drop for Address {
        fn drop(&mut self) {
            let _ = std::process::Command::new("ip").args(["address", "del", self.0, "dev", "lo"]).status();
        }
    }
    let fixture = fixture("");
    // For documentation: nobody's.
    let host = "198.51.100.77";
    let port = greeter(Ipv4Addr::UNSPECIFIED.into());
    let code = format!(
        "exports.handler = () => new Promise((done) => {{\n  const s = require('net').connect({port}, '{host}');\n  \
         s.on('data', (data) => done(String(data)));\n  s.on('error', () => done('refused'));\n  s.on('close', () => done('closed'));\n}});"
    );
    let mut spec = fixture.node(&code);
    spec.limits.network = Network::Open;
    let (lines, log) = Log::new();
    let instance = fixture.sandbox.service(spec, lines, READY_WITHIN).await.unwrap();
    let added = std::process::Command::new("ip").args(["address", "add", &format!("{host}/32"), "dev", "lo"]).status();
    assert!(added.unwrap().success());
    let _address = Address("198.51.100.77/32");
    std::net::TcpStream::connect((host, port)).expect("the host itself reaches it");
    let answer = get(&instance, "/").await.text();
    assert!(!answer.contains(GREETING), "{answer}");
    drop(instance);
    let log = log.all().await;
    assert!(texts(&log).iter().any(|line| line.contains("198.51.100.77 is closed")), "{log:?}");
}

fn task(fixture: &Fixture, script: &str) -> Task {
    let folder = fixture.code.path().join("task");
    std::fs::create_dir_all(&folder).unwrap();
    Task {
        name: "install".into(),
        function: uuid::Uuid::nil(),
        command: ["python3", "-c", script].map(str::to_owned).into(),
        folder,
        caches: Default::default(),
        readable: Default::default(),
        programs: Vec::new(),
        opened: Vec::new(),
        env: Default::default(),
        limits: server::executor::Limits { memory_mb: 256, cpu: 2.0, pids: 64, network: Network::Open },
        timeout: READY_WITHIN,
    }
}

#[tokio::test]
async fn a_build_is_held_as_functions_are_and_reaches_loopback_only_where_that_is_opened() {
    let port = greeter(Ipv4Addr::UNSPECIFIED.into());
    let own = own_addresses().into_iter().map(|address| format!("{address}:{port}"));
    let loopback = format!("127.0.0.1:{port}");
    let addresses: Vec<String> = own.chain([loopback.clone(), "169.254.169.254:80".to_owned()]).collect();
    for (allow, expected) in [("", "refused"), ("127.0.0.0/8", "reached")] {
        let fixture = fixture(allow);
        let (lines, log) = Log::new();
        fixture.sandbox.task(task(&fixture, &probe(&addresses)), lines).await.unwrap();
        let log = log.all().await;
        for (line, address) in texts(&log).iter().zip(&addresses) {
            let expected = if *address == loopback { expected } else { "refused" };
            assert_eq!(*line, format!("{address} {expected}"));
        }
        assert_eq!(log.len(), addresses.len());
    }
}

#[tokio::test]
async fn an_address_that_is_opened_to_a_build_alone_is_reached_and_no_other() {
    let port = greeter(Ipv4Addr::UNSPECIFIED.into());
    let mut addresses = vec![format!("127.0.0.1:{port}"), format!("127.0.0.2:{port}")];
    addresses.extend(own_addresses().iter().map(|address| format!("{address}:{port}")));
    let fixture = fixture("");
    let mut task = task(&fixture, &probe(&addresses));
    task.opened = vec![Ipv4Addr::LOCALHOST.into()];
    task.limits.network = only(&["127.0.0.1"]);
    let (lines, log) = Log::new();
    fixture.sandbox.task(task, lines).await.unwrap();
    let log = log.all().await;
    assert_eq!(texts(&log)[0], format!("127.0.0.1:{port} reached"));
    assert!(texts(&log)[1..].iter().all(|line| line.ends_with(" refused")) && log.len() == addresses.len(), "{log:?}");
}

#[tokio::test]
async fn the_way_out_ends_with_the_sandbox_and_the_sandbox_with_it() {
    let fixture = fixture("");
    let mut spec = fixture.node("exports.handler = async () => 'here';");
    spec.limits.network = Network::Open;
    let (lines, _log) = Log::new();
    let instance = fixture.sandbox.service(spec, lines, READY_WITHIN).await.unwrap();
    assert_eq!(get(&instance, "/").await.json(), "here");
    let data = fixture.data.path().display().to_string();
    let ours = |line: &String| line.contains("eventflow network ") && line.contains(&data);
    let way_out = || processes_with("eventflow network ").into_iter().filter(ours).count();
    assert_eq!(way_out(), 1);
    instance.stop(Duration::from_secs(10)).await;
    until("the way out is gone", || way_out() == 0).await;

    let mut spec = fixture.node("exports.handler = async () => 'here';");
    spec.limits.network = Network::Open;
    let (lines, _log) = Log::new();
    let instance = fixture.sandbox.service(spec, lines, READY_WITHIN).await.unwrap();
    let mut killed = 0;
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if ours(&line)
            && let Ok(pid) = process.file_name().to_string_lossy().parse()
        {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
            killed += 1;
        }
    }
    assert_eq!(killed, 1);
    let exit = tokio::time::timeout(READY_WITHIN, instance.wait()).await.unwrap();
    assert!(exit.signal.is_some(), "{exit:?}");
}

/// Two functions may listen on one port, and do not see each other there.
#[tokio::test]
async fn functions_with_a_network_are_alone_on_their_ports() {
    let fixture = fixture("");
    let server = "require('http').createServer((q, s) => s.end(process.env.EVENTFLOW_FUNCTION)).listen(process.env.PORT, '0.0.0.0');";
    let start = || async {
        let command = vec!["node".to_owned(), "server.js".to_owned()];
        let mut spec = fixture.spec(server::executor::Runtime::Command(command), &[("server.js", server)]);
        spec.limits.network = Network::Open;
        let name = spec.function.clone();
        let (lines, _log) = Log::new();
        (name, fixture.sandbox.service(spec, lines, READY_WITHIN).await.unwrap())
    };
    let ((one, first), (two, second)) = tokio::join!(start(), start());
    assert_eq!((get(&first, "/").await.text(), get(&second, "/").await.text()), (one, two));
    assert!(matches!(first.address(), server::executor::Address::Unix(_)));
}

/// Cold start with and without a network, printed; `cargo test … -- --ignored --nocapture cold_start`.
#[tokio::test]
#[ignore = "a measurement"]
async fn cold_start_with_a_network() {
    let fixture = fixture("");
    for network in [Network::None, Network::Open, only(&["example.com"])] {
        let mut times = Vec::new();
        for _ in 0..15 {
            let mut spec = fixture.node("exports.handler = async () => 1;");
            spec.limits.network = network.clone();
            let (lines, log) = Log::new();
            let before = std::time::Instant::now();
            let instance = fixture.sandbox.service(spec, lines, READY_WITHIN).await.unwrap();
            get(&instance, "/").await;
            times.push(before.elapsed());
            drop(instance);
            log.all().await;
        }
        times.sort();
        println!("{network:?}: {:?} median", times[7]);
    }
}

/// Without netlink, which is closed: programs ask for the interfaces to say where they listen, and end when they get none.
#[tokio::test]
async fn the_interfaces_of_a_sandbox_are_listed_in_every_language() {
    const LOOPBACK: &str = "127.0.0.1/8";
    let fixture = fixture("");
    let code = "exports.handler = async () => Object.fromEntries(Object.entries(require('os').networkInterfaces())\n  \
        .map(([name, list]) => [name, list.map(each => each.cidr)]));";
    for network in [Network::None, Network::Open] {
        let mut spec = fixture.spec(Runtime::Node { handler: "index.handler".into() }, &[("index.js", code)]);
        let own = network == Network::Open;
        // What a function has loaded itself stays.
        spec.env.insert("LD_PRELOAD".into(), "libm.so.6".into());
        spec.limits.network = network;
        let (lines, _log) = Log::new();
        let instance = fixture.sandbox.service(spec, lines, READY_WITHIN).await.unwrap();
        let listed = get(&instance, "/").await.json();
        let addresses: Vec<&str> = listed["lo"].as_array().unwrap().iter().filter_map(|each| each.as_str()).collect();
        assert!(addresses.contains(&LOOPBACK) && addresses.contains(&"192.0.0.8/32") == own, "{listed}");
        assert_eq!(listed.as_object().unwrap().len(), 1, "{listed}");
    }

    let script = "import ctypes, os, socket\nprint(socket.if_nameindex(), os.environ['LD_PRELOAD'])\n\
        libc = ctypes.CDLL(None, use_errno=True)\nlist = ctypes.c_void_p()\n\
        print(libc.getifaddrs(ctypes.byref(list)), list.value is not None)\nlibc.freeifaddrs(list)";
    let (lines, log) = Log::new();
    let outcome = fixture.sandbox.job(fixture.python(script), call(), lines).await.unwrap();
    let log = log.all().await;
    assert!(clean(&outcome.exit), "{log:?}");
    assert_eq!(texts(&log), ["[(1, 'lo')] /eventflow/preload/interfaces.so", "0 True"]);
}
