"""Makes system calls that a sandbox must refuse and prints one line for each: name, result, error."""
import ctypes
import os
import platform
import socket
import struct

# Number on x86_64, number on aarch64 (None: there is none), arguments. Those that could harm have arguments that a kernel without a filter
# would refuse with another error.
CALLS = {
    "io_uring_setup": (425, 425, (1, 0)),
    "io_uring_enter": (426, 426, (-1, 0, 0, 0)),
    "io_uring_register": (427, 427, (-1, 0, 0, 0)),
    # Contexts of the older kind are counted for the whole host (fs.aio-max-nr).
    "io_setup": (206, 0, (1, 0)),
    "io_destroy": (207, 1, (0,)),
    "io_submit": (209, 2, (0, 0, 0)),
    "io_cancel": (210, 3, (0, 0, 0)),
    "io_getevents": (208, 4, (0, 0, 0, 0, 0)),
    "userfaultfd": (323, 282, (1,)),
    "keyctl": (250, 219, (0, -3, 0)),
    "add_key": (248, 217, (b"user", b"x", b"y", 1, -3)),
    "request_key": (249, 218, (b"user", b"x", 0, 0)),
    "bpf": (321, 280, (0, 0, 0)),
    "another filter": (317, 277, (1, 0, 0)),
    "another filter by prctl": (157, 167, (22, 2, 0)),
    "perf_event_open": (298, 241, (0, 0, -1, -1, 0)),
    "ptrace": (101, 117, (0, 0, 0, 0)),
    "process_vm_readv": (310, 270, (1, 0, 0, 0, 0, 0)),
    "process_vm_writev": (311, 271, (1, 0, 0, 0, 0, 0)),
    "pidfd_getfd": (438, 438, (-1, 0, 0)),
    "kcmp": (312, 272, (1, 1, 0, 0, 0)),
    "mount": (165, 40, (0, 0, 0, 0, 0)),
    "umount2": (166, 39, (b"/nowhere", 0)),
    "pivot_root": (155, 41, (b"/nowhere", b"/nowhere")),
    "chroot": (161, 51, (b"/nowhere",)),
    "open_tree": (428, 428, (-1, b"", 0)),
    "move_mount": (429, 429, (-1, b"", -1, b"", 0)),
    "fsopen": (430, 430, (b"nothing", 0)),
    "fsmount": (432, 432, (-1, 0, 0)),
    "mount_setattr": (442, 442, (-1, b"", 0, 0, 0)),
    "setns": (308, 268, (-1, 0)),
    "unshare user": (272, 97, (0x10000000,)),
    "unshare network": (272, 97, (0x40000000,)),
    "clone into a user namespace": (56, 220, (0x10000000 | 17, 0, 0, 0, 0)),
    "clone into a network namespace": (56, 220, (0x40000000 | 17, 0, 0, 0, 0)),
    "clone3": (435, 435, (0, 0)),
    "kexec_load": (246, 104, (0, 0, 0, 0)),
    "kexec_file_load": (320, 294, (-1, -1, 0, 0, 0)),
    "init_module": (175, 105, (0, 0, 0)),
    "finit_module": (313, 273, (-1, b"", 0)),
    "delete_module": (176, 106, (b"nothing", 0)),
    "open_by_handle_at": (304, 265, (-1, 0, 0)),
    "name_to_handle_at": (303, 264, (-1, 0, 0, 0, 0)),
    "fanotify_init": (300, 262, (0, 0)),
    "quotactl": (179, 60, (0, 0, 0, 0)),
    "swapon": (167, 224, (b"/nowhere", 0)),
    "reboot": (169, 142, (0, 0, 0, 0)),
    "syslog": (103, 116, (10, 0, 0)),
    "settimeofday": (164, 170, (0, 0)),
    "clock_settime": (227, 112, (99, 0)),
    "sethostname": (170, 161, (0, -1)),
    "acct": (163, 89, (b"/nowhere",)),
    "vmsplice": (278, 75, (-1, 0, 0, 0)),
    "move_pages": (279, 239, (0, 0, 0, 0, 0, 0)),
    "personality": (135, 92, (0x0040000,)),
    "iopl": (172, None, (3,)),
    "ioperm": (173, None, (0, 1, 1)),
    "modify_ldt": (154, None, (0, 0, 0)),
    # A list of rights takes memory that no control group counts.
    "setxattr": (188, 5, (b"/tmp", b"user.x", b"y", 1, 0)),
    "lsetxattr": (189, 6, (b"/tmp", b"user.x", b"y", 1, 0)),
    "fsetxattr": (190, 7, (-1, b"user.x", b"y", 1, 0)),
    # And so does a datagram that is held back.
    "sendto that holds back": (44, 206, (-1, b"x", 1, 0x8000, 0, 0)),
    "sendmsg that holds back": (46, 211, (-1, 0, 0x8000)),
    "sendmmsg that holds back": (307, 269, (-1, 0, 0, 0x8000)),
    "getpid of x32": (0x40000000 + 39, None, ()),
    "a call that is not there yet": (999, 999, ()),
}

libc = ctypes.CDLL(None, use_errno=True)
own = 0 if platform.machine() == "x86_64" else 1


def argument(value):
    return ctypes.c_char_p(value) if isinstance(value, bytes) else ctypes.c_long(value)


def main():
    for name, call in CALLS.items():
        number = call[own]
        if number is None:
            continue
        ctypes.set_errno(0)
        result = libc.syscall(ctypes.c_long(number), *map(argument, call[2]))
        error = ctypes.get_errno()
        if result == 0 and name.startswith("clone"):
            # The child of a clone that was let through.
            os._exit(0)
        print(name, result, error, sep="|", flush=True)
    sockets = {
        "netlink, routes": (16, socket.SOCK_RAW, 0),
        "netlink, routes by datagrams": (16, socket.SOCK_DGRAM, 0),
        "netlink, sockets": (16, socket.SOCK_RAW, 4),
        "netlink, audit": (16, socket.SOCK_RAW, 9),
        "netlink, netfilter": (16, socket.SOCK_RAW, 12),
        "netlink, device events": (16, socket.SOCK_RAW, 15),
        "netlink, generic": (16, socket.SOCK_RAW, 16),
        "packet": (17, socket.SOCK_DGRAM, 0),
        "raw": (socket.AF_INET, socket.SOCK_RAW, 1),
        "raw IPv6": (socket.AF_INET6, socket.SOCK_RAW, 58),
        "ping": (socket.AF_INET, socket.SOCK_DGRAM, 1),
        "sctp": (socket.AF_INET, socket.SOCK_STREAM, 132),
        "vsock": (40, socket.SOCK_STREAM, 0),
        "alg": (38, socket.SOCK_SEQPACKET, 0),
        "bluetooth": (31, socket.SOCK_RAW, 1),
        "xdp": (44, socket.SOCK_RAW, 0),
    }
    for name, (family, kind, protocol) in sockets.items():
        ctypes.set_errno(0)
        result = libc.socket(family, kind, protocol)
        print(f"socket {name}", result, ctypes.get_errno(), sep="|", flush=True)
    # One that returns at once; what is compiled of it takes room that all processes of the host share.
    step = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0xFFFF), 8)
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 1, ctypes.addressof(step)), 16)
    options = {
        "a filter": (socket.SOL_SOCKET, 26, program, 16),
        "a program": (socket.SOL_SOCKET, 50, ctypes.create_string_buffer(4), 4),
        "a filter of a group": (socket.SOL_SOCKET, 51, program, 16),
        "a key": (socket.IPPROTO_TCP, 14, ctypes.create_string_buffer(216), 216),
        "a key of a network": (socket.IPPROTO_TCP, 32, ctypes.create_string_buffer(216), 216),
        "a layer above": (socket.IPPROTO_TCP, 31, ctypes.create_string_buffer(b"tls", 4), 4),
        "a group of hosts": (socket.IPPROTO_IP, 35, ctypes.create_string_buffer(bytes([224, 0, 0, 9, 127, 0, 0, 1]), 8), 8),
        "headers that stick": (socket.IPPROTO_IPV6, 6, ctypes.create_string_buffer(64), 64),
        "a longer end": (socket.IPPROTO_TCP, 8, ctypes.create_string_buffer(struct.pack("i", 120), 4), 4),
        "holding back": (socket.IPPROTO_UDP, 1, ctypes.create_string_buffer(struct.pack("i", 1), 4), 4),
        "a label of flows": (socket.IPPROTO_IPV6, 32, ctypes.create_string_buffer(32), 32),
    }
    for name, (level, option, value, length) in options.items():
        one = libc.socket(socket.AF_INET6 if level == socket.IPPROTO_IPV6 else socket.AF_INET, socket.SOCK_STREAM, 0)
        ctypes.set_errno(0)
        result = libc.setsockopt(one, level, option, value, length)
        print(f"option {name}", result, ctypes.get_errno(), sep="|", flush=True)
        libc.close(one)


if __name__ == "__main__":
    main()
