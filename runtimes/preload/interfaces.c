/*
 * The network interfaces of a sandbox, for programs that ask the C library.
 *
 * The C library asks the kernel by a netlink socket, and sandboxes have none (docs/adr/0042). What it would have learned
 * there is also told by ioctls on an ordinary socket and by files below /proc/net. This library is loaded before the C
 * library and answers in its place.
 *
 * It needs nothing but functions that every C library has, under names without versions, so that it fits glibc and musl.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Addresses, and interfaces, that are listed at most. */
#define MAX_LISTED 128
/* Bytes of a file below /proc/net that are read. */
#define MAX_FILE_BYTES 16384

struct entry {
    struct ifaddrs listed;
    union {
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address, mask, other;
    char name[IFNAMSIZ];
};

/* Reads a file as text. */
static int text_of(const char *path, char *text)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    ssize_t got;
    if (file < 0)
        return -1;
    while (length < MAX_FILE_BYTES - 1 && (got = read(file, text + length, MAX_FILE_BYTES - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = 0;
    close(file);
    return 0;
}

static int digit_of(char letter)
{
    if (letter >= '0' && letter <= '9')
        return letter - '0';
    if (letter >= 'a' && letter <= 'f')
        return letter - 'a' + 10;
    return -1;
}

/* The hexadecimal number at the text, and where it ends. */
static unsigned number_at(char **text)
{
    unsigned number = 0;
    while (**text == ' ')
        ++*text;
    for (int digit; (digit = digit_of(**text)) >= 0; ++*text)
        number = number * 16 + (unsigned)digit;
    return number;
}

static void put_name(char *name, const char *from, size_t length)
{
    if (length >= IFNAMSIZ)
        length = IFNAMSIZ - 1;
    memcpy(name, from, length);
    name[length] = 0;
}

static unsigned flags_of(int with, const char *name)
{
    struct ifreq asked;
    memset(&asked, 0, sizeof asked);
    put_name(asked.ifr_name, name, strlen(name));
    return ioctl(with, SIOCGIFFLAGS, &asked) == 0 ? (unsigned short)asked.ifr_flags : 0;
}

static void fill(struct entry *entry, int with)
{
    entry->listed.ifa_name = entry->name;
    entry->listed.ifa_flags = flags_of(with, entry->name);
    entry->listed.ifa_addr = (struct sockaddr *)&entry->address;
    entry->listed.ifa_netmask = (struct sockaddr *)&entry->mask;
}

static int list_v4(int with, struct entry *entries, int count)
{
    struct ifreq found[MAX_LISTED];
    struct ifconf list = { .ifc_len = sizeof found, .ifc_req = found };
    if (ioctl(with, SIOCGIFCONF, &list) != 0)
        return -1;
    for (int at = 0; at < list.ifc_len / (int)sizeof *found && count < MAX_LISTED; ++at) {
        struct entry *entry = &entries[count++];
        /* An interface may have several addresses: the kernel looks for the one that it is asked with. */
        struct ifreq asked = found[at];
        memcpy(&entry->address.v4, &found[at].ifr_addr, sizeof entry->address.v4);
        put_name(entry->name, found[at].ifr_name, strnlen(found[at].ifr_name, IFNAMSIZ));
        fill(entry, with);
        if (ioctl(with, SIOCGIFNETMASK, &asked) == 0)
            memcpy(&entry->mask.v4, &asked.ifr_netmask, sizeof entry->mask.v4);
        entry->mask.v4.sin_family = AF_INET;
        asked = found[at];
        if (entry->listed.ifa_flags & IFF_BROADCAST && ioctl(with, SIOCGIFBRDADDR, &asked) == 0) {
            memcpy(&entry->other.v4, &asked.ifr_broadaddr, sizeof entry->other.v4);
            entry->listed.ifa_broadaddr = (struct sockaddr *)&entry->other;
        }
    }
    return count;
}

/* Lines such as "00000000000000000000000000000001 01 80 10 80       lo". */
static int list_v6(int with, struct entry *entries, int count)
{
    char text[MAX_FILE_BYTES];
    /* A kernel without IPv6 has no such file. */
    if (text_of("/proc/net/if_inet6", text) != 0)
        return count;
    for (char *at = text; *at && count < MAX_LISTED; ++count) {
        struct entry *entry = &entries[count];
        unsigned index, length, scope;
        for (int byte = 0; byte < 16; ++byte, at += 2) {
            int high = digit_of(at[0]), low = high < 0 ? -1 : digit_of(at[1]);
            if (low < 0)
                return count;
            entry->address.v6.sin6_addr.s6_addr[byte] = (unsigned char)(high << 4 | low);
        }
        index = number_at(&at);
        length = number_at(&at);
        scope = number_at(&at);
        number_at(&at);
        while (*at == ' ')
            ++at;
        size_t name = strcspn(at, " \n");
        put_name(entry->name, at, name);
        at += name;
        at += *at == '\n';
        fill(entry, with);
        entry->address.v6.sin6_family = entry->mask.v6.sin6_family = AF_INET6;
        /* Addresses of one link (scope 0x20) say which. */
        entry->address.v6.sin6_scope_id = scope == 0x20 ? index : 0;
        for (unsigned bit = 0; bit < length && bit < 128; ++bit)
            entry->mask.v6.sin6_addr.s6_addr[bit / 8] |= (unsigned char)(0x80 >> bit % 8);
    }
    return count;
}

int getifaddrs(struct ifaddrs **list)
{
    int with = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), count, error;
    struct entry *entries = with < 0 ? NULL : calloc(MAX_LISTED, sizeof *entries);
    if (entries == NULL) {
        error = errno;
        if (with >= 0)
            close(with);
        errno = error;
        return -1;
    }
    count = list_v4(with, entries, 0);
    if (count >= 0)
        count = list_v6(with, entries, count);
    error = errno;
    close(with);
    if (count <= 0) {
        free(entries);
        *list = NULL;
        errno = error;
        return count;
    }
    for (int at = 0; at + 1 < count; ++at)
        entries[at].listed.ifa_next = &entries[at + 1].listed;
    /* The first entry is where the memory begins: see freeifaddrs. */
    *list = &entries[0].listed;
    return 0;
}

void freeifaddrs(struct ifaddrs *list)
{
    free(list);
}

/* Lines such as "    lo:    1024 …", below two of headings. */
struct if_nameindex *if_nameindex(void)
{
    struct names {
        struct if_nameindex listed[MAX_LISTED + 1];
        char names[MAX_LISTED][IFNAMSIZ];
    } *all;
    char text[MAX_FILE_BYTES];
    int count = 0, with;
    if (text_of("/proc/net/dev", text) != 0)
        return NULL;
    with = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (with < 0)
        return NULL;
    all = calloc(1, sizeof *all);
    for (char *line = text; all != NULL && *line && count < MAX_LISTED;) {
        size_t length = strcspn(line, "\n"), end = strcspn(line, ":|\n");
        if (line[end] == ':') {
            struct ifreq asked;
            size_t begin = strspn(line, " ");
            memset(&asked, 0, sizeof asked);
            put_name(asked.ifr_name, line + begin, end - begin);
            if (ioctl(with, SIOCGIFINDEX, &asked) == 0) {
                put_name(all->names[count], asked.ifr_name, strnlen(asked.ifr_name, IFNAMSIZ));
                all->listed[count].if_name = all->names[count];
                all->listed[count].if_index = (unsigned)asked.ifr_ifindex;
                ++count;
            }
        }
        line += length + (line[length] == '\n');
    }
    close(with);
    return all == NULL ? NULL : all->listed;
}

void if_freenameindex(struct if_nameindex *list)
{
    free(list);
}
