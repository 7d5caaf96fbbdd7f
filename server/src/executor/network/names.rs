//! DNS queries: answered from a function's own list, or forwarded to the host's resolvers.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{DNSClass, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::policy::Policy;

/// Concurrent queries; further ones are dropped, and the client asks again.
const MAX_QUESTIONS: usize = 128;

/// Concurrent TCP connections; further ones wait.
const MAX_CONNECTIONS: usize = 16;

/// The longest query: a name has at most 255 bytes, and the extras that resolvers add are short.
const MAX_QUESTION: usize = 512;

/// The longest answer passed on over UDP; a longer one is asked for over TCP.
const MAX_DATAGRAM: u16 = 4096;

/// Record types that programs ask for. Not zone transfers (AXFR, IXFR), nor ANY, nor what servers ask each other.
const ASKED: [RecordType; 17] = [
    RecordType::A,
    RecordType::CAA,
    RecordType::CNAME,
    RecordType::DNSKEY,
    RecordType::DS,
    RecordType::HTTPS,
    RecordType::MX,
    RecordType::NAPTR,
    RecordType::NS,
    RecordType::OPENPGPKEY,
    RecordType::PTR,
    RecordType::SOA,
    RecordType::SRV,
    RecordType::SSHFP,
    RecordType::SVCB,
    RecordType::TLSA,
    RecordType::TXT,
];

/// The longest DNS message.
const MAX_MESSAGE: usize = 65_535;

/// Time limit for the answer of one resolver.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);

/// A TCP connection without a query is closed after this.
const IDLE: Duration = Duration::from_secs(10);

/// The most resolvers that are asked, as in the C library.
const MAX_RESOLVERS: usize = 3;

/// Stand-ins do not change while the sandbox lives.
const TTL: u32 = 60;

/// The file that lists the host's resolvers.
const RESOLV_CONF: &str = "/etc/resolv.conf";

struct Names {
    policy: Arc<Policy>,
    resolvers: Vec<SocketAddr>,
}

/// Starts to answer queries on these two sockets.
pub(super) fn start(questions: OwnedFd, long_questions: OwnedFd, policy: Arc<Policy>) -> io::Result<()> {
    let resolvers = resolvers(&fs::read_to_string(RESOLV_CONF).unwrap_or_default());
    let names = Arc::new(Names { policy, resolvers });
    let socket = std::net::UdpSocket::from(questions);
    socket.set_nonblocking(true)?;
    let listener = std::net::TcpListener::from(long_questions);
    listener.set_nonblocking(true)?;
    tokio::spawn(datagrams(Arc::new(UdpSocket::from_std(socket)?), names.clone()));
    tokio::spawn(connections(TcpListener::from_std(listener)?, names));
    Ok(())
}

/// The resolvers in a `resolv.conf`; this host itself if it names none.
fn resolvers(text: &str) -> Vec<SocketAddr> {
    let addresses = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()? == "nameserver").then_some(())?;
        words.next()?.parse::<IpAddr>().ok()
    });
    let mut found: Vec<SocketAddr> =
        addresses.take(MAX_RESOLVERS).map(|address| SocketAddr::new(address, 53)).collect();
    if found.is_empty() {
        found.push(SocketAddr::from((Ipv4Addr::LOCALHOST, 53)));
    }
    found
}

/// The `resolv.conf` of a sandbox whose queries are passed on: the host's search domains work as they do there.
pub fn resolv_conf(host: &str) -> String {
    let kept = |line: &&str| {
        let word = line.split_whitespace().next();
        matches!(word, Some("search" | "domain" | "options"))
    };
    let mut text = format!("nameserver {}\n", super::rules::RESOLVER);
    for line in host.lines().filter(kept) {
        text.push_str(line);
        text.push('\n');
    }
    text
}

async fn datagrams(socket: Arc<UdpSocket>, names: Arc<Names>) {
    let places = Arc::new(Semaphore::new(MAX_QUESTIONS));
    let mut buffer = vec![0; MAX_QUESTION];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let (socket, names, question) = (socket.clone(), names.clone(), buffer[..length].to_vec());
        tokio::spawn(async move {
            if let Some(answer) = names.answer(&question, false).await {
                let _ = socket.send_to(&answer, from).await;
            }
            drop(place);
        });
    }
}

async fn connections(listener: TcpListener, names: Arc<Names>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while let Ok(place) = places.clone().acquire_owned().await {
        let Ok((mut stream, _)) = listener.accept().await else {
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let names = names.clone();
        tokio::spawn(async move {
            while let Ok(Ok(question)) = timeout(IDLE, receive(&mut stream, MAX_QUESTION)).await {
                let Some(answer) = names.answer(&question, true).await else { break };
                if !matches!(timeout(IDLE, send(&mut stream, &answer)).await, Ok(Ok(()))) {
                    break;
                }
            }
            drop(place);
        });
    }
}

impl Names {
    /// `None` if there is no answer: the client asks again, or gives up.
    async fn answer(&self, question: &[u8], by_tcp: bool) -> Option<Vec<u8>> {
        match decide(question, &self.policy)? {
            Decision::Answer(answer) => Some(answer),
            Decision::PassOn(question) => {
                for resolver in &self.resolvers {
                    let asked = async {
                        if by_tcp { ask_by_tcp(*resolver, &question).await } else { ask(*resolver, &question).await }
                    };
                    if let Ok(Ok(answer)) = timeout(ANSWER_WITHIN, asked).await {
                        return Some(answer);
                    }
                }
                None
            }
        }
    }
}

enum Decision {
    Answer(Vec<u8>),
    /// The query in the form sent to the host's resolver.
    PassOn(Vec<u8>),
}

/// Decides what to do with a query; `None` if it is none.
fn decide(question: &[u8], policy: &Policy) -> Option<Decision> {
    let message = Message::from_vec(question).ok()?;
    if message.metadata.message_type != MessageType::Query {
        return None;
    }
    let answer = |code: ResponseCode, address: Option<Ipv4Addr>| {
        let mut answer = Message::response(message.metadata.id, message.metadata.op_code);
        answer.metadata.response_code = code;
        answer.metadata.recursion_desired = message.metadata.recursion_desired;
        answer.metadata.recursion_available = true;
        for query in &message.queries {
            answer.add_query(query.clone());
            if let Some(address) = address {
                answer.add_answer(Record::from_rdata(query.name().clone(), TTL, RData::A(A(address))));
            }
        }
        answer.to_vec().ok().map(Decision::Answer)
    };
    let [query] = message.queries.as_slice() else {
        return answer(ResponseCode::FormErr, None);
    };
    if message.metadata.op_code != OpCode::Query {
        return answer(ResponseCode::NotImp, None);
    }
    // A query must not carry records.
    let records = [&message.answers, &message.authorities, &message.additionals];
    if records.iter().any(|records| !records.is_empty()) || message.signature.is_some() {
        return answer(ResponseCode::FormErr, None);
    }
    if let Some(listed) = policy.listed() {
        return match (listed.stand_in(&query.name().to_ascii()), query.query_type()) {
            (Some(address), RecordType::A) => answer(ResponseCode::NoError, Some(address)),
            (Some(_), _) => answer(ResponseCode::NoError, None),
            // Not passed on: a query can carry data to whoever serves the name.
            (None, _) => answer(ResponseCode::NXDomain, None),
        };
    }
    // The sandbox has no IPv6.
    match query.query_type() {
        RecordType::AAAA => answer(ResponseCode::NoError, None),
        kind if ASKED.contains(&kind) && query.query_class() == DNSClass::IN => {
            plain(&message, query).map(Decision::PassOn)
        }
        _ => answer(ResponseCode::Refused, None),
    }
}

/// Builds the query for the host's resolver from its known parts only.
fn plain(message: &Message, query: &Query) -> Option<Vec<u8>> {
    let mut plain = Message::new(message.metadata.id, MessageType::Query, OpCode::Query);
    plain.metadata.recursion_desired = message.metadata.recursion_desired;
    plain.metadata.authentic_data = message.metadata.authentic_data;
    plain.metadata.checking_disabled = message.metadata.checking_disabled;
    plain.add_query(query.clone());
    if let Some(asked) = &message.edns {
        let mut edns = Edns::new();
        edns.set_max_payload(asked.max_payload().min(MAX_DATAGRAM)).set_dnssec_ok(asked.flags().dnssec_ok);
        plain.edns = Some(edns);
    }
    plain.to_vec().ok()
}

async fn ask(resolver: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let any: IpAddr = if resolver.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(resolver).await?;
    socket.send(question).await?;
    let mut answer = vec![0; MAX_MESSAGE];
    loop {
        let length = socket.recv(&mut answer).await?;
        // The query's id, which the client chose.
        if length >= 12 && answer[..2] == question[..2] {
            answer.truncate(length);
            return Ok(answer);
        }
    }
}

async fn ask_by_tcp(resolver: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(resolver).await?;
    send(&mut stream, question).await?;
    receive(&mut stream, MAX_MESSAGE).await
}

async fn send(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    stream.write_all(&[&length.to_be_bytes()[..], message].concat()).await
}

async fn receive(stream: &mut TcpStream, most: usize) -> io::Result<Vec<u8>> {
    let length = usize::from(stream.read_u16().await?);
    if length > most {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::super::Plan;
    use super::*;
    use hickory_proto::rr::Name;
    use hickory_proto::rr::rdata::opt::EdnsOption;

    fn policy(only: Option<&[&str]>) -> Policy {
        let only = only.map(|hosts| hosts.iter().map(|host| (*host).to_owned()).collect());
        let plan = Plan { allow: String::new(), only, host_loopback: false, ip: "ip".into(), nft: "nft".into() };
        Policy::new(&plan).unwrap()
    }

    fn question(name: &str, kind: RecordType) -> Vec<u8> {
        let mut message = Message::new(7, MessageType::Query, OpCode::Query);
        message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
        message.to_vec().unwrap()
    }

    /// Response code and number of answers; `None` if it is passed on.
    fn decided(policy: &Policy, question: &[u8]) -> Option<(ResponseCode, Vec<String>)> {
        match decide(question, policy).unwrap() {
            Decision::PassOn(_) => None,
            Decision::Answer(answer) => {
                let answer = Message::from_vec(&answer).unwrap();
                assert_eq!(answer.metadata.id, 7);
                let records = answer.answers.iter().map(|record| record.data.to_string()).collect();
                Some((answer.metadata.response_code, records))
            }
        }
    }

    #[test]
    fn a_list_answers_for_its_names_and_passes_nothing_on() {
        let policy = policy(Some(&["api.example.com"]));
        let answer = decided(&policy, &question("API.example.com.", RecordType::A));
        assert_eq!(answer, Some((ResponseCode::NoError, vec!["198.18.0.1".to_owned()])));
        let answer = decided(&policy, &question("api.example.com.", RecordType::AAAA));
        assert_eq!(answer, Some((ResponseCode::NoError, vec![])));
        for (name, kind) in [("secret.attacker.example.", RecordType::A), ("x.api.example.com.", RecordType::TXT)] {
            assert_eq!(decided(&policy, &question(name, kind)), Some((ResponseCode::NXDomain, vec![])));
        }
    }

    #[test]
    fn without_a_list_everything_but_ipv6_is_passed_on() {
        let policy = policy(None);
        assert_eq!(decided(&policy, &question("example.com.", RecordType::A)), None);
        assert_eq!(decided(&policy, &question("example.com.", RecordType::MX)), None);
        let answer = decided(&policy, &question("example.com.", RecordType::AAAA));
        assert_eq!(answer, Some((ResponseCode::NoError, vec![])));
    }

    #[test]
    fn only_what_programs_ask_for_is_passed_on() {
        let policy = policy(None);
        let refused = Some((ResponseCode::Refused, vec![]));
        for kind in [RecordType::AXFR, RecordType::IXFR, RecordType::ANY, RecordType::TSIG, RecordType::Unknown(65_280)]
        {
            assert_eq!(decided(&policy, &question("example.com.", kind)), refused, "{kind}");
        }
        for code in [OpCode::Status, OpCode::Notify, OpCode::Update] {
            let mut message = Message::from_vec(&question("example.com.", RecordType::A)).unwrap();
            message.metadata.op_code = code;
            let (answered, _) = decided(&policy, &message.to_vec().unwrap()).unwrap();
            assert_ne!(answered, ResponseCode::NoError, "{code:?}");
        }
        let mut chaos = Query::query(Name::from_ascii("version.bind.").unwrap(), RecordType::TXT);
        chaos.set_query_class(DNSClass::CH);
        let mut message = Message::new(7, MessageType::Query, OpCode::Query);
        message.add_query(chaos);
        assert_eq!(decided(&policy, &message.to_vec().unwrap()), refused);
        let query = Query::query(Name::from_ascii("example.com.").unwrap(), RecordType::A);
        let mut twice = Message::new(7, MessageType::Query, OpCode::Query);
        twice.add_query(query.clone());
        twice.add_query(query);
        assert_eq!(decided(&policy, &twice.to_vec().unwrap()).unwrap().0, ResponseCode::FormErr);
    }

    #[test]
    fn nothing_is_passed_on_but_the_question() {
        let policy = policy(None);
        let mut message = Message::from_vec(&question("Example.com.", RecordType::TXT)).unwrap();
        let mut edns = Edns::new();
        edns.set_max_payload(65_535).set_dnssec_ok(true);
        edns.options_mut().insert(EdnsOption::Unknown(65_001, b"carried".to_vec()));
        message.metadata.recursion_desired = true;
        message.edns = Some(edns);
        let asked = message.to_vec().unwrap();
        assert!(asked.windows(7).any(|part| part == b"carried"));
        let Some(Decision::PassOn(passed)) = decide(&asked, &policy) else { panic!("it was not passed on") };
        assert!(!passed.windows(7).any(|part| part == b"carried"));
        let passed = Message::from_vec(&passed).unwrap();
        assert_eq!((passed.metadata.id, &passed.queries), (7, &message.queries));
        assert!(passed.metadata.recursion_desired);
        let edns = passed.edns.unwrap();
        assert_eq!((edns.max_payload(), edns.flags().dnssec_ok), (MAX_DATAGRAM, true));
        // Additional records are not passed on.
        message.add_additional(Record::from_rdata(Name::root(), 0, RData::A(A(Ipv4Addr::LOCALHOST))));
        let (code, _) = decided(&policy, &message.to_vec().unwrap()).unwrap();
        assert_eq!(code, ResponseCode::FormErr);
    }

    #[test]
    fn what_is_no_question_has_no_answer() {
        let policy = policy(None);
        let mut response = question("example.com.", RecordType::A);
        response[2] |= 0x80;
        for message in [&b""[..], b"x", &[0xff; 512], &response] {
            assert!(decide(message, &policy).is_none());
        }
    }

    #[test]
    fn resolvers_are_those_of_the_host() {
        let text =
            "# comment\nsearch example.com\nnameserver 10.0.0.2\nnameserver ::1\noptions ndots:2\nnameserver x\n";
        let found: Vec<String> = resolvers(text).iter().map(SocketAddr::to_string).collect();
        assert_eq!(found, ["10.0.0.2:53", "[::1]:53"]);
        assert_eq!(resolvers("").iter().map(SocketAddr::to_string).collect::<Vec<_>>(), ["127.0.0.1:53"]);
        assert_eq!(resolv_conf(text), "nameserver 127.0.0.53\nsearch example.com\noptions ndots:2\n");
    }
}
