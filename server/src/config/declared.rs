//! The declaration of every setting. Parsing, `--help`, `eventflow config`, docs/guide/settings.md and the messages
//! about invalid values are all generated from this table.
//!
//! The names in the file (`max_body`) and on the command line (`--max-body`) are derived from the variable
//! (`EVENTFLOW_MAX_BODY`).

use std::time::Duration;

use super::setting::Setting;

/// A group of related settings.
pub struct Section {
    /// The heading.
    pub title: &'static str,
    /// They.
    pub settings: &'static [Setting],
}

/// Nothing is kept for less: an append may be repeated for some seconds, and must find what came of the first one.
const SHORTEST_RETENTION: Duration = Duration::from_secs(30);

const NETWORKS: &str = "networks such as 127.0.0.0/8,10.0.0.0/8";

/// All settings, in the order in which they are listed.
pub const SECTIONS: &[Section] = &[
    Section {
        title: "The server",
        settings: &[
            Setting::port("PORT", 0, "8080", "port to listen on; 0 takes one that is free").common(),
            Setting::text("EVENTFLOW_HOST", "an IP address such as 127.0.0.1 or 0.0.0.0", "127.0.0.1", "address to listen on").common(),
            Setting::text(
                "EVENTFLOW_DATA_DIR",
                "a folder",
                ".eventflow",
                "folder for everything that is not in a database: SQLite, artifacts, keys, caches. The server closes it to all other users (0700); a folder that is shared, such as `/tmp`, or that holds other files, is refused",
            )
            .common(),
            Setting::text(
                "DATABASE_URL",
                "postgres://user:password@host/database",
                "",
                "PostgreSQL 15 or newer instead of SQLite",
            )
            .otherwise("SQLite in the data folder")
            .with_password()
            .common(),
            Setting::text(
                "AMQP_URL",
                "amqp://user:password@host:5672/vhost, or amqps://",
                "",
                "RabbitMQ 3.10 or newer instead of delivery in process. Write the virtual host `/` as `%2f`, or leave it out; the certificate of `amqps://` is checked against the system's",
            )
            .otherwise("delivery in process")
            .with_password()
            .common(),
            Setting::text(
                "EVENTFLOW_AMQP_NAMESPACES",
                "namespaces such as default,team-a, or * for all",
                "*",
                "namespaces into which messages [published to RabbitMQ](delivery.md#events-by-rabbitmq) may bring events; all others are refused",
            ),
            Setting::text(
                "EVENTFLOW_ARTIFACTS",
                "a folder (object storage is not there yet)",
                "",
                "folder for built versions; servers on one database share it",
            )
            .otherwise("in the data folder"),
            Setting::size(
                "EVENTFLOW_ARTIFACT_CACHE",
                "",
                "built versions that are copied to the data folder before they run, all together beside those that run: for a folder that is far away. What has not run for longest goes first",
            )
            .otherwise("they run where they are kept"),
            Setting::text(
                "NAMESPACE",
                "a name of lower-case letters, digits and hyphens",
                "default",
                "namespace of functions that name none",
            )
            .common(),
            Setting::text(
                "EVENTFLOW_EXECUTOR",
                "sandbox, docker",
                "sandbox",
                "what functions of files run in. With `docker` they [become images](containers.md#functions-of-files-as-images) when they are built (EVENTFLOW_BUILD is `image` then), and nothing runs in a sandbox; what is an image runs in containers in either case, see DOCKER_HOST",
            ),
            Setting::text(
                "EVENTFLOW_BUILD",
                "files, image",
                "files",
                "what functions of the runtimes `node`, `python` and `python-flask` are built as: files for the sandbox, or [container images](containers.md#functions-of-files-as-images); where EVENTFLOW_EXECUTOR is `docker`, they are always images",
            ),
            Setting::text(
                "EVENTFLOW_IMAGE_NODE",
                "the name of an image with `node`, `npm` and `sh`",
                "node:22-slim",
                "what functions of the runtime `node` are put on when they become images",
            ),
            Setting::text(
                "EVENTFLOW_IMAGE_PYTHON",
                "the name of an image with `python3`, `pip` and `sh`",
                "python:3.12-slim",
                "what functions of the runtimes `python` and `python-flask` are put on when they become images",
            ),
            Setting::text(
                "EVENTFLOW_DOCKER",
                "auto, off",
                "auto",
                "whether a Docker engine is used where there is one; `off` leaves it alone, and images are refused",
            ),
            Setting::text(
                "DOCKER_HOST",
                "unix://PATH or tcp://HOST:PORT",
                "",
                "the Docker engine that [images](containers.md) run on, if it answers when the server starts",
            )
            .otherwise("unix:///var/run/docker.sock, where there is one"),
            Setting::text(
                "DOCKER_TLS_VERIFY",
                "1, or any other text; as for Docker's own client",
                "",
                "whether a `tcp://` engine is called by TLS",
            )
            .otherwise("it is not"),
            Setting::text(
                "DOCKER_CERT_PATH",
                "a path",
                "",
                "the folder with ca.pem, cert.pem and key.pem for a Docker engine that is called by TLS",
            )
            .otherwise("`.docker` in the home folder"),
            Setting::text(
                "EVENTFLOW_DOCKER_RUNTIME",
                "the name of a runtime that the engine has, such as runsc",
                "",
                "the engine's runtime for containers",
            )
            .otherwise("the engine's own default"),
            Setting::text(
                "EVENTFLOW_BUILDKIT",
                "unix:///PATH or tcp://HOST:PORT",
                "",
                "the BuildKit that [images are built](containers.md#building-a-dockerfile) by, through the program `buildctl`",
            )
            .otherwise("the Docker engine builds them itself"),
            Setting::text(
                "EVENTFLOW_REGISTRY",
                "https://USER:PASSWORD@HOST/FOLDER, with or without a login and a folder; http:// for a registry on loopback",
                "",
                "the registry that built images are pushed to, below a folder that nobody else writes to (`eventflow` unless it names one)",
            )
            .otherwise("built images stay on the Docker engine")
            .with_password(),
        ],
    },
    Section {
        title: "Keys",
        settings: &[
            Setting::text(
                "JWT_SECRET",
                "at least 32 characters",
                "",
                "what tokens are signed with; the same on all servers of one database",
            )
            .otherwise("made at the first start, kept in the data folder")
            .key_material(),
            Setting::text(
                "EVENTFLOW_SECRET_KEY",
                "32 bytes as 64 hexadecimal digits or in base64, such as `openssl rand -hex 32` makes them",
                "",
                "what [secrets](secrets.md) are encrypted with; the same on all servers of one database",
            )
            .otherwise("made at the first start, kept in the data folder")
            .key_material(),
        ],
    },
    Section {
        title: "Logs and metrics",
        settings: &[
            Setting::text(
                "LOG_LEVEL",
                "error, warn, info, debug, trace or off, or directives such as info,server::dispatch=debug",
                "info",
                "what is logged: a level, or directives by module",
            )
            .common(),
            Setting::text(
                "LOG_FORMAT",
                "text or json",
                "text",
                "what a line of the [log](logs.md) is: text for people, or a JSON object",
            ),
            Setting::switch(
                "EVENTFLOW_ACCESS_LOG",
                "whether each request is logged when its answer has been sent, see [logs](logs.md#the-access-log)",
            ),
            Setting::port("METRICS_PORT", 1, "", "a port of their own for metrics")
                .otherwise("`/metrics` on the main port")
                .common(),
            Setting::text(
                "EVENTFLOW_METRICS",
                "open or token",
                "open",
                "who sees metrics, which name namespaces and functions: everybody who reaches them, or tokens that see every namespace",
            ),
        ],
    },
    Section {
        title: "Names and proxies",
        settings: &[
            Setting::text(
                "EVENTFLOW_PUBLIC_URL",
                "http:// or https:// with a host and nothing after it, such as https://flow.example.com",
                "",
                "the address that people and programs use, see [names and proxies](operating.md#names-and-proxies)",
            )
            .otherwise("the server answers to every name"),
            Setting::text(
                "EVENTFLOW_TRUSTED_PROXIES",
                "networks such as 127.0.0.1,10.0.0.0/8",
                "",
                "proxies whose `Forwarded` and `X-Forwarded-*` are believed",
            )
            .otherwise("none"),
            Setting::text(
                "EVENTFLOW_FUNCTIONS_HOST",
                "a domain name such as fn.example.com, without a port",
                "",
                "domain under which each function has a host of its own, see [a host for each function](operating.md#a-host-for-each-function)",
            )
            .otherwise("none"),
            Setting::text(
                "EVENTFLOW_PUBLIC_FUNCTIONS",
                "namespaces such as default,team-a, or * for all",
                "",
                "namespaces whose functions may be [called without a token and have paths of their own](functions.md#who-may-call-and-where)",
            )
            .otherwise("none"),
            Setting::text(
                "EVENTFLOW_RESERVED_NAMES",
                "names such as team-a,team-b",
                "",
                "names that no function of the default namespace gets: those of other namespaces, before they have [functions of their own](api.md)",
            )
            .otherwise("none"),
        ],
    },
    Section {
        title: "What the server may reach",
        settings: &[
            Setting::text(
                "EVENTFLOW_CALLBACK_ALLOW",
                NETWORKS,
                "",
                "networks that callbacks may be sent to beside public addresses; a cloud's metadata service only when its address is listed itself",
            )
            .otherwise("none"),
            Setting::text(
                "EVENTFLOW_GIT_ALLOW",
                NETWORKS,
                "",
                "networks that [repositories](builds.md#the-source) may be fetched from beside public addresses",
            )
            .otherwise("none"),
            Setting::text(
                "EVENTFLOW_REGISTRY_ALLOW",
                "networks and hosts such as 10.0.0.0/8,registry.example:5000",
                "",
                "where [images](containers.md#registries-that-may-be-asked) may be pulled from beside registries with public addresses",
            )
            .with_dev("127.0.0.0/8,::1"),
            Setting::switch(
                "EVENTFLOW_ALLOW_LOCAL_REPOSITORIES",
                "whether a function's repository may be a path on the server's disk",
            )
            .with_dev("true"),
            Setting::text(
                "EVENTFLOW_NETWORK_ALLOW",
                "networks such as 10.0.0.0/8,192.168.7.1",
                "",
                "networks that functions and builds reach beside the Internet, see [the network of functions](operating.md#the-network-of-functions)",
            )
            .otherwise("none"),
            Setting::switch(
                "EVENTFLOW_NETWORK_SHARED",
                "where sandboxes cannot have a network of their own, they share the host's",
            ),
        ],
    },
    Section {
        title: "Connections",
        settings: &[
            Setting::number("EVENTFLOW_MAX_CONNECTIONS", "", "connections at a time")
                .otherwise("half of the file descriptors, at most 8192"),
            Setting::number(
                "EVENTFLOW_MAX_CONNECTIONS_PER_ADDRESS",
                "1024",
                "connections at a time from one address (of IPv6: one /64); loopback and trusted proxies are not counted",
            ),
            Setting::time("EVENTFLOW_HEAD_TIMEOUT", "10s", "for the head of a request"),
            Setting::time(
                "EVENTFLOW_READ_TIMEOUT",
                "30s",
                "between two parts of a body, and for all of it on top of 1 s for each KiB",
            ),
            Setting::time(
                "EVENTFLOW_WRITE_TIMEOUT",
                "30s",
                "for a caller that does not read its answer, or reads less than 1 KiB a second of it",
            ),
            Setting::time("EVENTFLOW_IDLE_TIMEOUT", "75s", "between two requests of a connection"),
            Setting::number(
                "EVENTFLOW_MAX_SOCKETS",
                "1000",
                "[WebSockets](functions.md#websockets) of functions at a time",
            ),
            Setting::size("EVENTFLOW_MAX_SOCKET_MESSAGE", "1MiB", "a message over one of them"),
            Setting::time("EVENTFLOW_SOCKET_IDLE_TIMEOUT", "300s", "for a WebSocket that is silent both ways"),
        ],
    },
    Section {
        title: "Requests",
        settings: &[
            Setting::size("EVENTFLOW_MAX_BODY", "6MiB", "a request's body"),
            Setting::size("EVENTFLOW_MAX_EVENT", "256KiB", "a CloudEvent"),
            Setting::size(
                "EVENTFLOW_MAX_UNPROVED",
                "64MiB",
                "all bodies together of requests that have not proved yet who sends them: deliveries of webhooks, sign-ins. When there are more, the ones that are held open longest get 503",
            ),
            Setting::size("EVENTFLOW_MAX_BUNDLE", "50MiB", "an uploaded bundle"),
            Setting::size("EVENTFLOW_MAX_RECORDED", "64KiB", "what a run keeps of its input and of its output"),
            Setting::number("EVENTFLOW_MAX_SUBSCRIPTIONS", "100", "GraphQL subscriptions of one connection"),
            Setting::number(
                "EVENTFLOW_MAX_SUBSCRIPTIONS_PER_VIEWER",
                "1000",
                "GraphQL subscriptions and followed logs of one user, over all connections",
            ),
            Setting::number(
                "EVENTFLOW_MAX_SUBSCRIPTIONS_TOTAL",
                "5000",
                "GraphQL subscriptions and followed logs of all users",
            ),
            Setting::number("EVENTFLOW_MAX_DEPTH", "15", "levels of a GraphQL query"),
            Setting::number("EVENTFLOW_MAX_COMPLEXITY", "2000", "fields of a GraphQL query"),
        ],
    },
    Section {
        title: "Builds",
        settings: &[
            Setting::number("EVENTFLOW_BUILDS", "2", "builds of one namespace at a time; one more place is kept for the other namespaces"),
            Setting::time("EVENTFLOW_BUILD_TIMEOUT", "600s", "for fetching, and for installing"),
            Setting::size("EVENTFLOW_MAX_BUILD_LOG", "10MiB", "a build's log"),
            Setting::size(
                "EVENTFLOW_MAX_BUILD_CACHE",
                "10GiB",
                "the package caches of all functions together; one function keeps 1 GiB and 200,000 files at most",
            ),
            Setting::size("EVENTFLOW_MAX_BUILD_DISK", "2GiB", "a function's folder while it is built; what the commands of a [Dockerfile](containers.md#what-a-build-may-do) write, and what its image adds to its base"),
            Setting::size(
                "EVENTFLOW_MAX_BUILD_CONTEXT",
                "200MiB",
                "the files that an image [is built from](containers.md#building-a-dockerfile), without those that `.dockerignore` leaves out",
            ),
            Setting::size(
                "EVENTFLOW_MAX_BUNDLES",
                "20GiB",
                "all bundles on the data folder's disk; the oldest that no function needs go first, and then uploads are refused",
            ),
            Setting::size(
                "EVENTFLOW_MAX_ARTIFACTS",
                "100GiB",
                "what was built of all functions; the oldest that no function needs goes first, and then builds fail",
            ),
        ],
    },
    Section {
        title: "Functions and runs",
        settings: &[
            Setting::mebibytes("EVENTFLOW_MAX_FUNCTION_MEMORY", "memory that a manifest may ask for")
                .otherwise("what the host has"),
            Setting::mebibytes(
                "EVENTFLOW_CONTAINERS_MEMORY",
                "memory of all [containers](containers.md#memory-and-processes-of-all-containers) of this server together, by the sum of their limits",
            )
            .otherwise("seven eighths of what the engine's host has, but for at least 512 MiB"),
            Setting::number(
                "EVENTFLOW_CONTAINERS_PIDS",
                "",
                "processes and threads of all [containers](containers.md#memory-and-processes-of-all-containers) of this server together, by the sum of their limits",
            )
            .otherwise("three quarters of what the engine's host allows; 24576 for an engine on another host"),
            Setting::number("EVENTFLOW_MAX_FUNCTION_CPU", "", "processors that a manifest may ask for")
                .otherwise("what the host has"),
            Setting::size(
                "EVENTFLOW_MAX_DISK_READ",
                "100MiB",
                "what an instance, and a command of a build, reads from each disk of the host in a second, in as many operations as there are 32 KiB in it",
            ),
            Setting::size("EVENTFLOW_MAX_DISK_WRITE", "100MiB", "the same for writing"),
            Setting::time("EVENTFLOW_MAX_FUNCTION_TIMEOUT", "24h", "the time limit that a manifest may ask for"),
            Setting::number(
                "EVENTFLOW_MAX_FUNCTIONS",
                "1000",
                "functions of one namespace, which is how many runs one event can lead to",
            ),
            Setting::number("EVENTFLOW_MAX_INSTANCES", "100", "instances that a manifest may ask for"),
            Setting::number("EVENTFLOW_MAX_CONCURRENCY", "1000", "calls at a time that a manifest may ask for"),
            Setting::number(
                "EVENTFLOW_MAX_LINES",
                "1000",
                "lines a second that are stored of a function; a long one counts as one for each KiB. All functions together: twice as many, plus 50 of each",
            ),
            Setting::size("EVENTFLOW_MAX_RUN_LOG", "10MiB", "a run's lines"),
            Setting::size("EVENTFLOW_MAX_FUNCTION_LOG", "1GiB", "a function's lines in a day, on each server"),
            Setting::time("EVENTFLOW_READY_TIMEOUT", "30s", "until an instance must answer"),
            Setting::time_or_none(
                "EVENTFLOW_DRAIN_DELAY",
                "0s",
                "between SIGTERM and the end of new work: the server goes on as before, and `/readyz` says `draining`; see [the order of the end](operating.md#the-order-of-the-end)",
            ),
            Setting::time(
                "EVENTFLOW_STOP_GRACE",
                "10s",
                "what calls, runs and builds get together when the server ends; between SIGTERM and SIGKILL of an instance; what a stuck instance gets for its other calls",
            ),
            Setting::time(
                "EVENTFLOW_OFFER_TIMEOUT",
                "6h",
                "how long a run waits that [cannot be offered](delivery.md#what-counts-as-an-attempt) to its function",
            ),
            Setting::number("EVENTFLOW_MAX_WAITING", "1000", "calls that wait for an instance of one version"),
            Setting::number(
                "EVENTFLOW_MAX_WAITING_RUNS",
                "1000000",
                "runs of one namespace that wait; see [what happens beyond it](delivery.md#when-too-many-runs-wait)",
            ),
        ],
    },
    Section {
        title: "Retention",
        settings: &[
            Setting::retention("EVENTFLOW_RETAIN_EVENTS", "24h", SHORTEST_RETENTION, "how long trigger events are kept"),
            Setting::retention(
                "EVENTFLOW_RETAIN_RUNS",
                "7d",
                SHORTEST_RETENTION,
                "how long runs are kept after they were over",
            ),
            Setting::retention(
                "EVENTFLOW_RETAIN_LOGS",
                "7d",
                SHORTEST_RETENTION,
                "how long lines of builds and runs are kept",
            ),
            Setting::retention(
                "EVENTFLOW_RETAIN_ARTIFACTS",
                "24h",
                SHORTEST_RETENTION,
                "how long bundles, artifacts and pulled images are kept after the last function that needed them is gone",
            ),
            Setting::number(
                "EVENTFLOW_KEEP_VERSIONS",
                "50",
                "versions of a function, the newest, that can be run again; those that take calls are kept in any case",
            ),
        ],
    },
];

/// All settings.
pub fn all() -> impl Iterator<Item = &'static Setting> + Clone {
    SECTIONS.iter().flat_map(|section| section.settings)
}

/// The setting of a variable.
pub(super) fn named(name: &str) -> Option<&'static Setting> {
    all().find(|setting| setting.name == name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_settings_share_a_name() {
        let names: BTreeSet<_> = all().map(|setting| setting.name).collect();
        let keys: BTreeSet<_> = all().map(Setting::key).collect();
        assert_eq!((names.len(), keys.len()), (all().count(), all().count()));
    }

    #[test]
    fn what_is_secret_has_no_flag_unless_it_always_had_one() {
        for setting in all().filter(|setting| setting.name.contains("SECRET") || setting.name.contains("PASS")) {
            assert!(!setting.flag && setting.shown("hunter2") == "…", "{}", setting.name);
        }
        let shown = named("DATABASE_URL").unwrap().shown("postgres://me:hunter2@db/x?sslmode=require&password=hunter2");
        assert_eq!(shown, "postgres://me@db/x?sslmode=require&password=…");
    }
}
