/* The application in the test's image. Listens on $PORT after $START_MS, answers every request with
 * its environment's GREETING; "GET /crash" ends it with exit code 3. As process 1 of its container
 * it ignores SIGTERM unless POLITE is set. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void leave(int signal) {
    (void)signal;
    if (write(1, "bye\n", 4) != 4) _exit(1);
    _exit(0);
}

static const char *env(const char *name) {
    const char *value = getenv(name);
    return value ? value : "";
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (*env("POLITE")) signal(SIGTERM, leave);
    printf("port=%s revision=%s args=%s\n", env("PORT"), env("K_REVISION"),
           argc > 1 ? argv[1] : "");
    fprintf(stderr, "complaint\n");
    if (*env("EXIT")) return atoi(env("EXIT"));
    usleep((useconds_t)atoi(env("START_MS")) * 1000);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(env("PORT")))};
    if (bind(listener, (struct sockaddr *)&any, sizeof any) || listen(listener, 8)) return 1;
    printf("listening\n");
    for (;;) {
        char request[1024];
        int client = accept(listener, NULL, NULL);
        ssize_t size = read(client, request, sizeof request);
        if (size >= 10 && !memcmp(request, "GET /crash", 10)) return 3;
        const char *greeting = env("GREETING");
        dprintf(client, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(greeting),
                greeting);
        close(client);
    }
}
