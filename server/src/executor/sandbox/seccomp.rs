//! The system calls that a sandboxed process may make.
//!
//! There are two filters, because a filter has a single answer for what it refuses. The first allows what it lists and
//! answers everything else, including calls of later kernels, with `ENOSYS`, so that libraries fall back to what they
//! do on older kernels. The second names what is refused on purpose, and answers `EPERM`. Calls of other architectures
//! (i386, x32) kill the process or are unknown. Knows the kernel; knows nothing of functions.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use nix::libc::{
    self, AF_INET, AF_INET6, AF_UNIX, CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID,
    CLONE_NEWTIME, CLONE_NEWUSER, CLONE_NEWUTS, IPPROTO_TCP, IPPROTO_UDP, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM,
    TIOCLINUX, TIOCSTI,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::files::write_private;

/// The bits of a socket's type that hold its kind; the others are flags.
const SOCK_KIND: u64 = 0xf;

/// Allowed arguments of `personality`: the default, and the query of the present one.
const PERSONALITIES: [u64; 2] = [0, 0xffff_ffff];

/// Writes the filters to a folder, in the order of their installation. There are none for an architecture that
/// `seccompiler` does not support.
pub(super) fn write(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if TargetArch::try_from(std::env::consts::ARCH).is_err() {
        return Ok(Vec::new());
    }
    let filters = filters().map_err(io::Error::other)?;
    let mut paths = Vec::new();
    for (number, filter) in filters.iter().enumerate() {
        let path = folder.join(format!("seccomp-{number}"));
        // As the kernel's `struct sock_filter`.
        let bytes: Vec<u8> = filter
            .iter()
            .flat_map(|step| [&step.code.to_ne_bytes()[..], &[step.jt, step.jf], &step.k.to_ne_bytes()].concat())
            .collect();
        if !path.exists() {
            write_private(&path, &bytes)?;
        }
        paths.push(path);
    }
    Ok(paths)
}

/// The calls that are allowed, and those that are refused on purpose.
fn filters() -> Result<[BpfProgram; 2], Box<dyn std::error::Error + Send + Sync>> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    let mut allowed: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.iter().chain(ALLOWED_HERE).map(|call| (*call, Vec::new())).collect();
    allowed.extend(limited()?);
    let refused = REFUSED.iter().chain(REFUSED_HERE).map(|call| (*call, Vec::new()));
    let mut refused: BTreeMap<i64, Vec<SeccompRule>> = refused.collect();
    refused.extend(refused_by_argument()?);
    let unknown = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    let forbidden = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    Ok([
        SeccompFilter::new(allowed, unknown, SeccompAction::Allow, architecture)?.try_into()?,
        SeccompFilter::new(refused, SeccompAction::Allow, forbidden, architecture)?.try_into()?,
    ])
}

type Rules = Vec<(i64, Vec<SeccompRule>)>;

fn is(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
}

fn number(value: i32) -> u64 {
    u64::from(value.cast_unsigned())
}

/// Flags for new namespaces of every kind.
fn namespaces() -> u64 {
    let flags =
        CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
    number(flags | CLONE_NEWTIME)
}

/// Calls that are allowed with some arguments only.
fn limited() -> Result<Rules, seccompiler::BackendError> {
    let mut sockets = Vec::new();
    let kind = |kind: i32| is(1, SeccompCmpOp::MaskedEq(SOCK_KIND), number(kind));
    for (kind_number, protocol) in [(SOCK_STREAM, IPPROTO_TCP), (SOCK_DGRAM, IPPROTO_UDP)] {
        for family in [AF_INET, AF_INET6] {
            for protocol in [0, protocol] {
                sockets.push(SeccompRule::new(vec![
                    is(0, SeccompCmpOp::Eq, number(family))?,
                    kind(kind_number)?,
                    is(2, SeccompCmpOp::Eq, number(protocol))?,
                ])?);
            }
        }
    }
    for kind_number in [SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET] {
        sockets.push(SeccompRule::new(vec![is(0, SeccompCmpOp::Eq, number(AF_UNIX))?, kind(kind_number)?])?);
    }
    let clone = SeccompRule::new(vec![is(0, SeccompCmpOp::MaskedEq(namespaces()), 0)?])?;
    let mut personalities = Vec::new();
    for value in PERSONALITIES {
        personalities.push(SeccompRule::new(vec![is(0, SeccompCmpOp::Eq, value)?])?);
    }
    let pair = SeccompRule::new(vec![is(0, SeccompCmpOp::Eq, number(AF_UNIX))?])?;
    let terminals = SeccompRule::new(vec![is(1, SeccompCmpOp::Ne, TIOCSTI)?, is(1, SeccompCmpOp::Ne, TIOCLINUX)?])?;
    Ok(vec![
        (libc::SYS_socket, sockets),
        (libc::SYS_socketpair, vec![pair]),
        (libc::SYS_clone, vec![clone]),
        (libc::SYS_personality, personalities),
        (libc::SYS_ioctl, vec![terminals]),
    ])
}

/// The other side of [`limited`]: what it leaves out is `EPERM`, where `ENOSYS` would be a lie that programs stumble over.
fn refused_by_argument() -> Result<Rules, seccompiler::BackendError> {
    let mut clones = Vec::new();
    for bit in 0..32 {
        let flag = 1u64 << bit;
        if namespaces() & flag != 0 {
            clones.push(SeccompRule::new(vec![is(0, SeccompCmpOp::MaskedEq(flag), flag)?])?);
        }
    }
    let families = SeccompRule::new(vec![
        is(0, SeccompCmpOp::Ne, number(AF_UNIX))?,
        is(0, SeccompCmpOp::Ne, number(AF_INET))?,
        is(0, SeccompCmpOp::Ne, number(AF_INET6))?,
    ])?;
    let mut sockets = vec![families];
    // Raw, packet and other kinds of sockets, of the allowed families.
    for kind in (0..=SOCK_KIND).filter(|kind| ![1, 2, 5].contains(kind)) {
        sockets.push(SeccompRule::new(vec![is(1, SeccompCmpOp::MaskedEq(SOCK_KIND), kind)?])?);
    }
    let other = PERSONALITIES.iter().map(|value| is(0, SeccompCmpOp::Ne, *value)).collect::<Result<_, _>>()?;
    let pair = SeccompRule::new(vec![is(0, SeccompCmpOp::Ne, number(AF_UNIX))?])?;
    let mut options = Vec::new();
    for (level, name) in REFUSED_OPTIONS {
        let rule = vec![is(1, SeccompCmpOp::Eq, number(*level))?, is(2, SeccompCmpOp::Eq, number(*name))?];
        options.push(SeccompRule::new(rule)?);
    }
    let filter = SeccompRule::new(vec![is(0, SeccompCmpOp::Eq, number(libc::PR_SET_SECCOMP))?])?;
    // The kernel keeps a datagram that is held back for more data, and charges it to nobody.
    let held_back = |flags| {
        let more = number(libc::MSG_MORE);
        SeccompRule::new(vec![is(flags, SeccompCmpOp::MaskedEq(more), more)?])
    };
    let typing = |request| SeccompRule::new(vec![is(1, SeccompCmpOp::Eq, request)?]);
    Ok(vec![
        (libc::SYS_clone, clones),
        (libc::SYS_socket, sockets),
        (libc::SYS_socketpair, vec![pair]),
        (libc::SYS_personality, vec![SeccompRule::new(other)?]),
        (libc::SYS_ioctl, vec![typing(TIOCSTI)?, typing(TIOCLINUX)?]),
        (libc::SYS_setsockopt, options),
        (libc::SYS_sendto, vec![held_back(3)?]),
        (libc::SYS_sendmsg, vec![held_back(2)?]),
        (libc::SYS_sendmmsg, vec![held_back(3)?]),
        // The last filter is in force once installed: nobody inside needs another.
        (libc::SYS_prctl, vec![filter]),
    ])
}

/// Options of sockets that are refused, by level and name: what makes the kernel compile a program, whose room all processes
/// of the host share (`net.core.bpf_jit_limit`), and what makes it keep something for a socket that no control group
/// counts. Numbers that `libc` does not name are those of Linux's `tcp.h`, `in.h` and `in6.h`.
const REFUSED_OPTIONS: &[(i32, i32)] = &[
    (libc::SOL_SOCKET, libc::SO_ATTACH_FILTER),
    (libc::SOL_SOCKET, libc::SO_ATTACH_BPF),
    (libc::SOL_SOCKET, libc::SO_ATTACH_REUSEPORT_CBPF),
    (libc::SOL_SOCKET, libc::SO_ATTACH_REUSEPORT_EBPF),
    (IPPROTO_TCP, libc::TCP_MD5SIG),
    (IPPROTO_TCP, TCP_LINGER2),
    (IPPROTO_TCP, TCP_ULP),
    (IPPROTO_TCP, TCP_MD5SIG_EXT),
    (IPPROTO_TCP, TCP_AO_ADD_KEY),
    (IPPROTO_UDP, UDP_CORK),
    (libc::IPPROTO_IP, libc::IP_ADD_MEMBERSHIP),
    (libc::IPPROTO_IP, libc::IP_ADD_SOURCE_MEMBERSHIP),
    (libc::IPPROTO_IP, libc::IP_BLOCK_SOURCE),
    (libc::IPPROTO_IP, IP_MSFILTER),
    (libc::IPPROTO_IP, MCAST_JOIN_GROUP),
    (libc::IPPROTO_IP, MCAST_BLOCK_SOURCE),
    (libc::IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP),
    (libc::IPPROTO_IP, MCAST_MSFILTER),
    (libc::IPPROTO_IPV6, IPV6_2292PKTOPTIONS),
    (libc::IPPROTO_IPV6, libc::IPV6_ADD_MEMBERSHIP),
    (libc::IPPROTO_IPV6, IPV6_JOIN_ANYCAST),
    (libc::IPPROTO_IPV6, IPV6_FLOWLABEL_MGR),
    (libc::IPPROTO_IPV6, MCAST_JOIN_GROUP),
    (libc::IPPROTO_IPV6, MCAST_BLOCK_SOURCE),
    (libc::IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP),
    (libc::IPPROTO_IPV6, MCAST_MSFILTER),
    (libc::IPPROTO_IPV6, IPV6_HOPOPTS),
    (libc::IPPROTO_IPV6, IPV6_RTHDRDSTOPTS),
    (libc::IPPROTO_IPV6, IPV6_RTHDR),
    (libc::IPPROTO_IPV6, IPV6_DSTOPTS),
];

/// How long an orphaned connection is kept beyond its usual time: the whole host has few of those.
const TCP_LINGER2: i32 = 8;
const TCP_ULP: i32 = 31;
const TCP_MD5SIG_EXT: i32 = 32;
const TCP_AO_ADD_KEY: i32 = 38;
const UDP_CORK: i32 = 1;
const IPV6_2292PKTOPTIONS: i32 = 6;
const IP_MSFILTER: i32 = 41;
const MCAST_JOIN_GROUP: i32 = 42;
const MCAST_BLOCK_SOURCE: i32 = 43;
const MCAST_JOIN_SOURCE_GROUP: i32 = 46;
const MCAST_MSFILTER: i32 = 48;
const IPV6_JOIN_ANYCAST: i32 = 27;
const IPV6_FLOWLABEL_MGR: i32 = 32;
const IPV6_HOPOPTS: i32 = 54;
const IPV6_RTHDRDSTOPTS: i32 = 55;
const IPV6_RTHDR: i32 = 57;
const IPV6_DSTOPTS: i32 = 59;

/// Refused on purpose: other processes, namespaces and mounts, the kernel itself, keys, and calls that were the entry
/// of
/// many attacks on the kernel. `clone3` is not listed: its arguments cannot be inspected, and after `ENOSYS` the C
/// library
/// uses `clone`.
const REFUSED: &[i64] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kcmp,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_mbind,
    libc::SYS_migrate_pages,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_move_pages,
    libc::SYS_name_to_handle_at,
    libc::SYS_nfsservctl,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pivot_root,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_seccomp,
    libc::SYS_set_mempolicy,
    libc::SYS_setdomainname,
    libc::SYS_sethostname,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
    libc::SYS_vmsplice,
];

#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[i64] = &[
    libc::SYS_ioperm,
    libc::SYS_iopl,
    libc::SYS_kexec_file_load,
    libc::SYS_modify_ldt,
    libc::SYS_sysfs,
    libc::SYS_uselib,
    libc::SYS_ustat,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[i64] = &[];

/// Files, memory, a program's own processes and threads, time, signals, polling, sockets. File attributes cannot be
/// set:
/// for each folder, an access control list takes some 128 KiB of kernel memory that no control group counts.
const ALLOWED: &[i64] = &[
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_brk,
    libc::SYS_capget,
    libc::SYS_capset,
    libc::SYS_chdir,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_connect,
    libc::SYS_copy_file_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fadvise64,
    libc::SYS_fallocate,
    libc::SYS_fchdir,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_fcntl,
    libc::SYS_fdatasync,
    libc::SYS_fgetxattr,
    libc::SYS_flistxattr,
    libc::SYS_flock,
    libc::SYS_fremovexattr,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_futex,
    libc::SYS_futex_waitv,
    libc::SYS_get_mempolicy,
    libc::SYS_get_robust_list,
    libc::SYS_getcpu,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getgroups,
    libc::SYS_getitimer,
    libc::SYS_getpeername,
    libc::SYS_getpgid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getpriority,
    libc::SYS_getrandom,
    libc::SYS_getresgid,
    libc::SYS_getresuid,
    libc::SYS_getrusage,
    libc::SYS_getsid,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_getxattr,
    libc::SYS_inotify_add_watch,
    libc::SYS_inotify_init1,
    libc::SYS_inotify_rm_watch,
    libc::SYS_ioprio_get,
    libc::SYS_ioprio_set,
    libc::SYS_kill,
    libc::SYS_landlock_add_rule,
    libc::SYS_landlock_create_ruleset,
    libc::SYS_landlock_restrict_self,
    libc::SYS_lgetxattr,
    libc::SYS_linkat,
    libc::SYS_listen,
    libc::SYS_listxattr,
    libc::SYS_llistxattr,
    libc::SYS_lremovexattr,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_memfd_create,
    libc::SYS_mincore,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_mlock,
    libc::SYS_mlock2,
    libc::SYS_mlockall,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mq_getsetattr,
    libc::SYS_mq_notify,
    libc::SYS_mq_open,
    libc::SYS_mq_timedreceive,
    libc::SYS_mq_timedsend,
    libc::SYS_mq_unlink,
    libc::SYS_mremap,
    libc::SYS_msgctl,
    libc::SYS_msgget,
    libc::SYS_msgrcv,
    libc::SYS_msgsnd,
    libc::SYS_msync,
    libc::SYS_munlock,
    libc::SYS_munlockall,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal,
    libc::SYS_pipe2,
    libc::SYS_pkey_alloc,
    libc::SYS_pkey_free,
    libc::SYS_pkey_mprotect,
    libc::SYS_ppoll,
    libc::SYS_prctl,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_preadv2,
    libc::SYS_prlimit64,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_pselect6,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_pwritev2,
    libc::SYS_read,
    libc::SYS_readahead,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_recvmmsg,
    libc::SYS_recvmsg,
    libc::SYS_removexattr,
    libc::SYS_renameat2,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getattr,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_rr_get_interval,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_setattr,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_yield,
    libc::SYS_semctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_sendfile,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_setfsgid,
    libc::SYS_setfsuid,
    libc::SYS_setgid,
    libc::SYS_setgroups,
    libc::SYS_setitimer,
    libc::SYS_setpgid,
    libc::SYS_setpriority,
    libc::SYS_setregid,
    libc::SYS_setresgid,
    libc::SYS_setresuid,
    libc::SYS_setreuid,
    libc::SYS_setsid,
    libc::SYS_setsockopt,
    libc::SYS_setuid,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_shmdt,
    libc::SYS_shmget,
    libc::SYS_shutdown,
    libc::SYS_sigaltstack,
    libc::SYS_signalfd4,
    libc::SYS_splice,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_symlinkat,
    libc::SYS_sync,
    libc::SYS_syncfs,
    libc::SYS_sysinfo,
    libc::SYS_tee,
    libc::SYS_tgkill,
    libc::SYS_timer_create,
    libc::SYS_timer_delete,
    libc::SYS_timer_getoverrun,
    libc::SYS_timer_gettime,
    libc::SYS_timer_settime,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_gettime,
    libc::SYS_timerfd_settime,
    libc::SYS_times,
    libc::SYS_tkill,
    libc::SYS_truncate,
    libc::SYS_umask,
    libc::SYS_uname,
    libc::SYS_unlinkat,
    libc::SYS_utimensat,
    libc::SYS_wait4,
    libc::SYS_waitid,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Calls that newer architectures lack, because another call replaces them.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[i64] = &[
    libc::SYS_access,
    libc::SYS_alarm,
    libc::SYS_arch_prctl,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_creat,
    libc::SYS_dup2,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_eventfd,
    libc::SYS_fork,
    libc::SYS_futimesat,
    libc::SYS_getrlimit,
    libc::SYS_getdents,
    libc::SYS_getpgrp,
    libc::SYS_inotify_init,
    libc::SYS_lchown,
    libc::SYS_link,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_mknod,
    libc::SYS_open,
    libc::SYS_pause,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_rmdir,
    libc::SYS_select,
    libc::SYS_setrlimit,
    libc::SYS_signalfd,
    libc::SYS_stat,
    libc::SYS_symlink,
    libc::SYS_sync_file_range,
    libc::SYS_time,
    libc::SYS_unlink,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_vfork,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[i64] = &[];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_fit_into_the_kernels_limit() {
        const BPF_MAXINSNS: usize = 4096;
        for filter in filters().unwrap() {
            assert!((100..BPF_MAXINSNS).contains(&filter.len()), "{}", filter.len());
        }
    }

    #[test]
    fn nothing_is_both_let_through_and_refused() {
        for call in REFUSED.iter().chain(REFUSED_HERE) {
            assert!(!ALLOWED.contains(call) && !ALLOWED_HERE.contains(call), "{call}");
        }
        let all: std::collections::BTreeSet<_> = ALLOWED.iter().chain(ALLOWED_HERE).collect();
        assert_eq!(all.len(), ALLOWED.len() + ALLOWED_HERE.len());
    }
}
