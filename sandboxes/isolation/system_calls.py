"""The system calls untrusted code is refused, by what they are for: data for the seccomp filter.

A list of what is denied is only as good as its upkeep. So it has an end: calls that were not there when it was last
read against the kernel's table (Linux 6.10) do not exist inside, whatever they do.
"""

__all__ = ["ABSENT", "DENIED", "FIRST_COMMON_CALL", "LAST_KNOWN_CALL", "LAST_OWN_CALL", "number_of"]

_MACHINES = ("x86_64", "aarch64")

LAST_OWN_CALL = {"x86_64": 334, "aarch64": 294}
"""Where the calls end that each machine numbers for itself."""
FIRST_COMMON_CALL = 424
"""Where the calls begin that have one number on every machine."""
LAST_KNOWN_CALL = 462
"""Where the table ended when it was last read."""

_NOWHERE = -1
"""In place of the number of a call that one of the machines does not have."""

# Numbers as (x86_64, aarch64), or one number for both.
DENIED: dict[str, dict[str, tuple[int, int] | int]] = {
    "network": {
        "socket": (41, 198),
        "connect": (42, 203),
        "bind": (49, 200),
        "listen": (50, 201),
        "accept": (43, 202),
        "accept4": (288, 242),
    },
    "other processes": {
        "ptrace": (101, 117),
        "process_vm_readv": (310, 270),
        "process_vm_writev": (311, 271),
        "process_madvise": 440,
        "process_mrelease": 448,
        "pidfd_getfd": 438,
        "kcmp": (312, 272),
        "move_pages": (279, 239),
        "migrate_pages": (256, 238),
    },
    "namespaces and mounts": {
        "unshare": (272, 97),
        "setns": (308, 268),
        "mount": (165, 40),
        "umount2": (166, 39),
        "pivot_root": (155, 41),
        "chroot": (161, 51),
        "open_tree": 428,
        "move_mount": 429,
        "fsopen": 430,
        "fsconfig": 431,
        "fsmount": 432,
        "fspick": 433,
        "mount_setattr": 442,
        "statmount": 457,
        "listmount": 458,
    },
    "files by other means than their name": {
        "name_to_handle_at": (303, 264),
        "open_by_handle_at": (304, 265),
        "fanotify_init": (300, 262),
        "fanotify_mark": (301, 263),
        "lookup_dcookie": (212, 18),
        "quotactl": (179, 60),
        "quotactl_fd": 443,
        "vmsplice": (278, 75),
        "io_setup": (206, 0),
    },
    "memory that outlives its process or that no limit counts": {
        "shmget": (29, 194),
        "shmat": (30, 196),
        "shmctl": (31, 195),
        "semget": (64, 190),
        "semctl": (66, 191),
        "msgget": (68, 186),
        "msgctl": (71, 187),
        "mq_open": (240, 180),
        "mq_unlink": (241, 181),
        "memfd_secret": 447,
        "add_key": (248, 217),
        "request_key": (249, 218),
        "keyctl": (250, 219),
    },
    "programs inside the kernel": {
        "bpf": (321, 280),
        "perf_event_open": (298, 241),
        "userfaultfd": (323, 282),
        "seccomp": (317, 277),
        "io_uring_setup": 425,
        "io_uring_enter": 426,
        "io_uring_register": 427,
    },
    "the machine": {
        "init_module": (175, 105),
        "finit_module": (313, 273),
        "delete_module": (176, 106),
        "kexec_load": (246, 104),
        "kexec_file_load": (320, 294),
        "reboot": (169, 142),
        "swapon": (167, 224),
        "swapoff": (168, 225),
        "acct": (163, 89),
        "syslog": (103, 116),
        "sethostname": (170, 161),
        "setdomainname": (171, 162),
        "settimeofday": (164, 170),
        "clock_settime": (227, 112),
        "adjtimex": (159, 171),
        "clock_adjtime": (305, 266),
        "vhangup": (153, 58),
        "nfsservctl": (180, 42),
        "iopl": (172, _NOWHERE),
        "ioperm": (173, _NOWHERE),
        "modify_ldt": (154, _NOWHERE),
        "uselib": (134, _NOWHERE),
        "ustat": (136, _NOWHERE),
        "sysfs": (139, _NOWHERE),
        "_sysctl": (156, _NOWHERE),
        "create_module": (174, _NOWHERE),
        "get_kernel_syms": (177, _NOWHERE),
        "query_module": (178, _NOWHERE),
        "lsm_get_self_attr": 459,
        "lsm_set_self_attr": 460,
        "lsm_list_modules": 461,
    },
}
"""Calls that fail with EPERM."""

ABSENT: dict[str, tuple[int, int] | int] = {
    "clone3": 435,  # hides its flags behind a pointer; the C library falls back to clone
    "memfd_create": (319, 279),  # memory that is neither a process's nor a file's; callers fall back to files
}
"""Calls that fail with ENOSYS, as on a kernel that lacks them, because honest code has another way."""

_FILTERED: dict[str, tuple[int, int] | int] = {
    "clone": (56, 220),
    "ioctl": (16, 29),
    "ioprio_set": (251, 30),
    "personality": (135, 92),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "setpriority": (141, 140),
    "setrlimit": (160, 164),
    "socketpair": (53, 199),
}


def number_of(call: str, machine: str) -> int | None:
    """The number of a call named in this module; `None` if the machine has no such call.

    Raises:
        StopIteration: If the call is not named here.
    """
    number = next(table[call] for table in (*DENIED.values(), ABSENT, _FILTERED) if call in table)
    if not isinstance(number, int):
        number = number[_MACHINES.index(machine)]
    return None if number == _NOWHERE else number
