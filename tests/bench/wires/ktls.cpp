// What one idle connection with TLS holds, and what a delivery to it costs, by who encrypts: nobody, OpenSSL as a
// filter over memory with released buffers (as lib/tls does it), the kernel beside OpenSSL's state, and the kernel
// alone, with OpenSSL's state freed after the handshake. Clients are another process and never have the kernel's TLS.
// README.md says how to run it in a virtual machine. Arguments: mode (plain, filter, ktls, freed), version (1.2, 1.3),
// connections.
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <malloc.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

constexpr int messages = 20;
constexpr std::size_t message_bytes = 200;

[[noreturn]] void die(const char* what) {
    std::perror(what);
    ERR_print_errors_fp(stderr);
    std::exit(1);
}

struct connection {
    int descriptor = -1;
    SSL* tls = nullptr;
};

double seconds_used() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto of = [](const timeval& time) { return double(time.tv_sec) + double(time.tv_usec) / 1e6; };
    return of(used.ru_utime) + of(used.ru_stime);
}

/// Bytes that the kernel holds: what it hands out in small pieces, whole pages, and for each processor.
long kernel_bytes() {
    std::ifstream all{"/proc/meminfo"};
    long total = 0;
    for (std::string name, unit; all >> name;) {
        long count = 0;
        all >> count;
        std::getline(all, unit);
        if (name == "Slab:" || name == "Percpu:" || name == "VmallocUsed:") total += count * 1024;
    }
    return total;
}

void use_fresh_certificate(SSL_CTX* context) {
    EVP_PKEY* const pair = EVP_EC_gen("P-256");
    X509* const made = X509_new();
    X509_set_version(made, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made), 3600);
    X509_set_pubkey(made, pair);
    X509_sign(made, pair, EVP_sha256());
    SSL_CTX_use_certificate(context, made);
    SSL_CTX_use_PrivateKey(context, pair);
}

SSL_CTX* context_for(bool accepts, const std::string& version, bool kernel) {
    SSL_CTX* const made = SSL_CTX_new(accepts ? TLS_server_method() : TLS_client_method());
    const int number = version == "1.2" ? TLS1_2_VERSION : TLS1_3_VERSION;
    SSL_CTX_set_min_proto_version(made, number);
    SSL_CTX_set_max_proto_version(made, number);
    SSL_CTX_set_mode(made, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_CTX_set_cipher_list(made, "ECDHE-ECDSA-AES256-GCM-SHA384");
    SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(made, 1);
    if (kernel) SSL_CTX_set_options(made, SSL_OP_ENABLE_KTLS);
    if (accepts) use_fresh_certificate(made);
    return made;
}

/// Connects, shakes hands, says one byte, and then reads nothing until it is told to end.
void be_clients(const sockaddr_in& where, const std::string& mode, const std::string& version, int count, int told) {
    SSL_CTX* const context = context_for(false, version, false);
    for (int i = 0; i < count; ++i) {
        const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(descriptor, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) die("connect");
        if (mode == "plain") {
            if (write(descriptor, "x", 1) != 1) die("write");
            continue;
        }
        SSL* const tls = SSL_new(context);
        SSL_set_fd(tls, descriptor);
        if (SSL_connect(tls) != 1) die("SSL_connect");
        if (SSL_write(tls, "x", 1) != 1) die("SSL_write");
    }
    char end;
    (void)!read(told, &end, 1);
    _exit(0);
}

/// As a filter: what comes and goes is carried between the socket and two memory BIOs.
void carry(const connection& c) {
    char piece[16384];
    for (int size; (size = BIO_read(SSL_get_wbio(c.tls), piece, sizeof piece)) > 0;)
        if (send(c.descriptor, piece, std::size_t(size), MSG_NOSIGNAL) != size) die("send");
}
void fetch(const connection& c) {
    char piece[16384];
    const ssize_t size = recv(c.descriptor, piece, sizeof piece, 0);
    if (size <= 0) die("recv");
    BIO_write(SSL_get_rbio(c.tls), piece, int(size));
}

connection accept_one(int listener, const std::string& mode, SSL_CTX* context) {
    connection c{accept(listener, nullptr, nullptr), nullptr};
    int on = 1;
    setsockopt(c.descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    char byte;
    if (mode == "plain") {
        if (recv(c.descriptor, &byte, 1, 0) != 1) die("recv");
        return c;
    }
    c.tls = SSL_new(context);
    if (mode == "filter") {
        SSL_set_bio(c.tls, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        SSL_set_accept_state(c.tls);
        while (SSL_read(c.tls, &byte, 1) != 1) {
            carry(c);
            fetch(c);
        }
        carry(c);
        // Empty memory BIOs keep their buffers; lib/tls has none.
        SSL_set_bio(c.tls, BIO_new(BIO_s_null()), BIO_new(BIO_s_null()));
    } else {
        SSL_set_fd(c.tls, c.descriptor);
        if (SSL_accept(c.tls) != 1) die("SSL_accept");
        if (SSL_read(c.tls, &byte, 1) != 1) die("SSL_read");
    }
    return c;
}

void deliver(const connection& c, const std::string& mode, const char* text) {
    if (mode == "plain" || mode == "freed") {
        if (send(c.descriptor, text, message_bytes, MSG_NOSIGNAL) != ssize_t(message_bytes)) die("send");
        return;
    }
    if (mode == "filter") {
        BIO* const out = BIO_new(BIO_s_mem());
        SSL_set0_wbio(c.tls, out);
        if (SSL_write(c.tls, text, int(message_bytes)) != int(message_bytes)) die("SSL_write");
        char* bytes = nullptr;
        const long size = BIO_get_mem_data(out, &bytes);
        if (send(c.descriptor, bytes, std::size_t(size), MSG_NOSIGNAL) != size) die("send");
        return;
    }
    if (SSL_write(c.tls, text, int(message_bytes)) != int(message_bytes)) die("SSL_write");
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 4) return std::fprintf(stderr, "ktls MODE VERSION CONNECTIONS\n"), 2;
    const std::string mode = argv[1], version = argv[2];
    const int count = std::atoi(argv[3]);
    const rlimit descriptors{65'536, 65'536};
    setrlimit(RLIMIT_NOFILE, &descriptors);
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0 || listen(listener, 4096) != 0)
        die("listen");
    socklen_t size = sizeof where;
    getsockname(listener, reinterpret_cast<sockaddr*>(&where), &size);
    int told[2];
    if (pipe(told) != 0) die("pipe");
    const pid_t clients = fork();
    if (clients == 0) be_clients(where, mode, version, count, told[0]);

    SSL_CTX* const context = context_for(true, version, mode == "ktls" || mode == "freed");
    std::vector<connection> all(std::size_t(count) + 1);
    const int half = count / 2; // the first half pays for what is made once
    std::size_t heap = 0;
    long kernel = 0;
    bool sends = false, receives = false;
    for (int i = 0; i < count; ++i) {
        if (i == half) {
            heap = mallinfo2().uordblks;
            kernel = kernel_bytes();
        }
        all[std::size_t(i)] = accept_one(listener, mode, context);
        if (mode == "ktls" || mode == "freed") {
            SSL*& tls = all[std::size_t(i)].tls;
            sends = BIO_get_ktls_send(SSL_get_wbio(tls)) == 1;
            receives = BIO_get_ktls_recv(SSL_get_rbio(tls)) == 1;
            if (mode == "freed") {
                SSL_set_quiet_shutdown(tls, 1);
                SSL_free(std::exchange(tls, nullptr)); // SSL_set_fd does not close
            }
        }
    }
    const double user_bytes = double(mallinfo2().uordblks - heap) / (count - half);
    const double kernel_of_one = double(kernel_bytes() - kernel) / (count - half);
    const std::string text(message_bytes, 'x');
    const double before = seconds_used();
    for (int i = 0; i < messages; ++i)
        for (int j = 0; j < count; ++j) deliver(all[std::size_t(j)], mode, text.data());
    const double delivery = (seconds_used() - before) / messages / count;
    std::printf("| %s | %s | %s | %s | %.0f | %.0f | %.2f |\n", mode.c_str(), mode == "plain" ? "-" : version.c_str(),
                sends ? "yes" : "no", receives ? "yes" : "no", user_bytes, kernel_of_one, delivery * 1e6);
    (void)!write(told[1], "x", 1);
    waitpid(clients, nullptr, 0);
}
