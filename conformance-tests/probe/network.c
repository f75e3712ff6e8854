// The interfaces of the network namespace and their addresses.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "json.h"
#include "probe.h"

static int prefix_length(const struct sockaddr* mask) {
  const unsigned char* bytes;
  int size;
  if (mask == NULL) return -1;
  if (mask->sa_family == AF_INET) {
    bytes = (const unsigned char*)&((const struct sockaddr_in*)mask)->sin_addr;
    size = 4;
  } else {
    bytes = (const unsigned char*)&((const struct sockaddr_in6*)mask)->sin6_addr;
    size = 16;
  }
  int bits = 0;
  for (int i = 0; i < size; i++) bits += __builtin_popcount(bytes[i]);
  return bits;
}

static void see_addresses(const struct ifaddrs* all, const char* name) {
  json_begin_list("addresses");
  for (const struct ifaddrs* entry = all; entry != NULL; entry = entry->ifa_next) {
    if (entry->ifa_addr == NULL || strcmp(entry->ifa_name, name) != 0) continue;
    char text[INET6_ADDRSTRLEN];
    const int family = entry->ifa_addr->sa_family;
    const void* address = NULL;
    if (family == AF_INET) address = &((struct sockaddr_in*)entry->ifa_addr)->sin_addr;
    if (family == AF_INET6) address = &((struct sockaddr_in6*)entry->ifa_addr)->sin6_addr;
    if (address == NULL) continue;
    inet_ntop(family, address, text, sizeof text);
    json_format(NULL, "%s/%d", text, prefix_length(entry->ifa_netmask));
  }
  json_end_list();
}

void see_network(void) {
  struct ifaddrs* all = NULL;
  json_begin_list("interfaces");
  if (getifaddrs(&all) != 0) all = NULL;
  const int any_socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  for (const struct ifaddrs* entry = all; entry != NULL; entry = entry->ifa_next) {
    // One packet entry for each interface; its other entries are addresses.
    if (entry->ifa_addr == NULL || entry->ifa_addr->sa_family != AF_PACKET) continue;
    const struct sockaddr_ll* link = (const struct sockaddr_ll*)entry->ifa_addr;
    struct ifreq request = {0};
    strncpy(request.ifr_name, entry->ifa_name, sizeof request.ifr_name - 1);
    ioctl(any_socket, SIOCGIFMTU, &request);
    json_begin_object(NULL);
    json_string("name", entry->ifa_name);
    json_bool("up", (entry->ifa_flags & IFF_UP) != 0);
    json_bool("running", (entry->ifa_flags & IFF_RUNNING) != 0);
    json_bool("loopback", (entry->ifa_flags & IFF_LOOPBACK) != 0);
    json_number("mtu", request.ifr_mtu);
    json_format("hardwareAddress", "%02x:%02x:%02x:%02x:%02x:%02x", link->sll_addr[0],
                link->sll_addr[1], link->sll_addr[2], link->sll_addr[3], link->sll_addr[4],
                link->sll_addr[5]);
    see_addresses(all, entry->ifa_name);
    json_end_object();
  }
  json_end_list();
  if (any_socket >= 0) close(any_socket);
  if (all != NULL) freeifaddrs(all);
}
