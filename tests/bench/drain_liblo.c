/* The yardstick: drain a UDP socket that is already full, with liblo.
 * Arguments: mapped addresses, messages, rounds; then, unless it is the packet of drain.py, type
 * tags, a packet in hexadecimal digits, and the messages in it. Prints the seconds of each round
 * as JSON. */
#include <arpa/inet.h>
#include <lo/lo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int left;

static int count(const char *path, const char *types, lo_arg **argv, int argc, lo_message msg,
                 void *user) {
    left--;
    return 0;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static size_t read_hex(const char *digits, char *packet) {
    size_t size = strlen(digits) / 2;
    for (size_t i = 0; i < size; i++)
        sscanf(digits + 2 * i, "%2hhx", (unsigned char *)packet + i);
    return size;
}

int main(int argc, char **argv) {
    static char packet[65536] = "/mixer/ch/0000/fader\0\0\0\0,f\0\0\x3f\0\0";
    const char *types = argc > 4 ? argv[4] : "f";
    size_t size = argc > 5 ? read_hex(argv[5], packet) : 32;
    int in_packet = argc > 6 ? atoi(argv[6]) : 1;
    int addresses = atoi(argv[1]), messages = atoi(argv[2]), rounds = atoi(argv[3]);
    int buffer = 16 << 20, sender = socket(AF_INET, SOCK_DGRAM, 0);
    lo_server server = lo_server_new(NULL, NULL);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(lo_server_get_port(server))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(lo_server_get_socket_fd(server), SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    setsockopt(lo_server_get_socket_fd(server), SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    setsockopt(lo_server_get_socket_fd(server), SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    for (int i = 0; i < addresses; i++) {
        char path[64];
        snprintf(path, sizeof path, "/mixer/ch/%04d/fader", i);
        lo_server_add_method(server, path, types, count, NULL);
    }
    printf("[");
    if (argc <= 5) /* as packet_for() in drain.py */
        snprintf(packet, sizeof packet, "/mixer/ch/%04d/fader", addresses == 1 ? 0 : addresses / 2);
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < messages; i += in_packet)
            sendto(sender, packet, size, 0, (struct sockaddr *)&to, sizeof to);
        left = messages;
        double begin = now();
        while (left > 0)
            if (!lo_server_recv_noblock(server, 1000)) {
                fprintf(stderr, "%d messages are missing\n", left);
                return 1;
            }
        printf("%s%.9f", round ? ", " : "", now() - begin);
    }
    printf("]\n");
    return 0;
}
