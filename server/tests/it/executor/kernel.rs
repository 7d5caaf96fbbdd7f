//! Which system calls a sandbox lets through.

use server::executor::{Executor, Runtime};

use super::{Fixture, Log, READY_WITHIN, call, clean, get, texts};

const SYSCALLS: &str = include_str!("syscalls.py");

/// `EPERM` and `ENOSYS`.
const REFUSALS: [&str; 2] = ["1", "38"];

#[tokio::test]
async fn calls_that_attack_the_kernel_are_refused() {
    let fixture = Fixture::new();
    let (lines, log) = Log::new();
    let outcome = fixture.sandbox.job(fixture.python(SYSCALLS), call(), lines).await.unwrap();
    let log = log.all().await;
    let (mut tried, mut made) = (0, Vec::new());
    for line in texts(&log) {
        let parts: Vec<&str> = line.split('|').collect();
        let [_, result, error] = parts[..] else { panic!("{log:?}") };
        tried += 1;
        if result != "-1" || !REFUSALS.contains(&error) {
            made.push(line);
        }
    }
    assert!(made.is_empty(), "{made:?}");
    assert!(clean(&outcome.exit) && tried >= 69, "{tried} tried, {:?}", outcome.exit);
}

/// An i386 program's way into the kernel, from a 64-bit one: another table of calls, which no filter of this one's fits.
#[cfg(target_arch = "x86_64")]
#[tokio::test]
async fn the_calls_of_another_architecture_end_the_process() {
    let fixture = Fixture::new();
    // mov eax, 20 (getpid); int 0x80; ret
    let script = "import ctypes, mmap\ncode = bytes([0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3])\nmemory = mmap.mmap(-1, 4096, prot=7)\n\
        memory.write(code)\naddress = ctypes.addressof(ctypes.c_char.from_buffer(memory))\nprint('calling', flush=True)\n\
        print('answered', ctypes.CFUNCTYPE(ctypes.c_int)(address)())";
    let (lines, log) = Log::new();
    let outcome = fixture.sandbox.job(fixture.python(script), call(), lines).await.unwrap();
    assert_eq!(texts(&log.all().await), ["calling"]);
    assert!(outcome.exit.signal.is_some(), "{:?}", outcome.exit);
}

#[tokio::test]
async fn what_programs_do_every_day_is_let_through() {
    let fixture = Fixture::new();
    let script = "import asyncio, multiprocessing, os, socket, subprocess, tempfile, threading\n\
        print(subprocess.run(['/bin/sh', '-c', 'echo child | cat'], capture_output=True, text=True).stdout.strip())\n\
        thread = threading.Thread(target=lambda: print('thread')); thread.start(); thread.join()\n\
        process = multiprocessing.Process(target=lambda: print('process', flush=True)); process.start(); process.join()\n\
        async def main():\n    \
            server = await asyncio.start_server(lambda r, w: w.close(), '127.0.0.1', 0)\n    \
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())\n    \
            print('sockets', await reader.read())\nasyncio.run(main())\n\
        print(socket.getaddrinfo('localhost', 80, type=socket.SOCK_STREAM)[0][4][1])\n\
        socket.socketpair(); socket.socket(socket.AF_UNIX); os.mkfifo('/tmp/pipe'); os.memfd_create('x')\n\
        with tempfile.TemporaryFile() as file: file.write(b'x'); os.fsync(file.fileno()); os.posix_fallocate(file.fileno(), 0, 99)\n\
        print('files')";
    let (lines, log) = Log::new();
    let outcome = fixture.sandbox.job(fixture.python(script), call(), lines).await.unwrap();
    let log = log.all().await;
    assert!(clean(&outcome.exit), "{log:?}");
    assert_eq!(texts(&log), ["child", "thread", "process", "sockets b''", "80", "files"]);

    let code = "const { Worker } = require('worker_threads');\n\
        exports.handler = async () => {\n  const out = [];\n  \
        out.push(require('child_process').execFileSync('node', ['-p', '1 + 1']).toString().trim());\n  \
        out.push(await new Promise(done => new Worker('require(\"worker_threads\").parentPort.postMessage(\"worker\")', { eval: true }).on('message', done)));\n  \
        require('fs').writeFileSync('/tmp/x', 'y'); out.push(await require('fs/promises').readFile('/tmp/x', 'utf8'));\n  \
        out.push((await require('dns/promises').lookup('localhost')).family > 0);\n  return out;\n};";
    let mut spec = fixture.spec(Runtime::Node { handler: "index.handler".into() }, &[("index.js", code)]);
    spec.limits.memory_mb = 512;
    let (lines, _log) = Log::new();
    let instance = fixture.sandbox.service(spec, lines, READY_WITHIN).await.unwrap();
    assert_eq!(get(&instance, "/").await.json(), serde_json::json!(["2", "worker", "y", true]));
}
