#include "tls/certificates.hpp"

#include "tls/files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

namespace carillon::tls {

namespace {

using complaint = std::optional<std::string>;

constexpr std::array<unsigned char, 9> http_1_1{8, 'h', 't', 't', 'p', '/', '1', '.', '1'}; // RFC 7301 §3.1
// Forward secrecy and authenticated encryption only; those of TLS 1.3 are all so.
constexpr const char* ciphers_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr std::size_t names_max = 1'000; // of one certificate

std::string in_lower_case(std::string_view text) {
    std::string lower{text};
    std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    return lower;
}

std::chrono::sys_seconds time_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::chrono::sys_seconds::max();
    return std::chrono::sys_seconds{std::chrono::seconds{::timegm(&parts)}};
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                    unsigned int offered_bytes, void*) {
    unsigned char* found = nullptr;
    const int outcome = SSL_select_next_proto(&found, size, http_1_1.data(), http_1_1.size(), offered, offered_bytes);
    if (outcome != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL; // RFC 7301 §3.2
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

int choose_certificate(SSL* of, int*, void* all) {
    const char* const host = SSL_get_servername(of, TLSEXT_NAMETYPE_host_name);
    if (host == nullptr) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_SSL_CTX(of, static_cast<const certificates*>(all)->context_for(host));
    return SSL_TLSEXT_ERR_OK;
}

owned_context make_context(const terms& how, ticket_keys& tickets, certificates* all) {
    owned_context made{SSL_CTX_new(TLS_server_method())};
    if (made == nullptr) return made;
    SSL_CTX* const context = made.get();
    SSL_CTX_set_min_proto_version(context, how.only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context, ciphers_1_2);
    // Whoever cuts a connection short cuts its last message short, too, and each message says how long it is.
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_read_ahead(context, 1); // one recv for a record, and for several small ones
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 1);
    tickets.serve(context);
    if (how.http) SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
    SSL_CTX_callback_ctrl(context, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB, reinterpret_cast<void (*)()>(choose_certificate));
    SSL_CTX_set_tlsext_servername_arg(context, all);
    return made;
}

} // namespace

// What OpenSSL compares before it resumes a session. A ticket says that its client has been judged: that must not hold
// where others are asked for certificates, nor by others than it was then.
struct certificates::session_context {
    std::array<unsigned char, SSL_MAX_SID_CTX_LENGTH> bytes{};

    complaint make(const terms& how) {
        keys::wiped text;
        if (!how.client_ca_file.empty()) {
            if (auto why = read_file(how.client_ca_file, text)) return how.client_ca_option + ": " + *why;
        }
        const std::string all = how.place + '\n' + text.bytes();
        static_assert(SSL_MAX_SID_CTX_LENGTH == 32);
        EVP_Digest(all.data(), all.size(), bytes.data(), nullptr, EVP_sha256(), nullptr);
        return {};
    }
};

complaint certificates::read(const terms& how, ticket_keys& tickets, std::shared_ptr<const certificates>& into) {
    const keys::no_openssl_errors quiet;
    std::shared_ptr<certificates> made{new certificates};
    session_context sessions;
    if (auto why = sessions.make(how)) return why;
    for (const terms::pair& each : how.files) {
        if (auto why = made->add(how, each, sessions, tickets)) return why;
    }
    into = std::move(made);
    return {};
}

complaint certificates::add(const terms& how, const terms::pair& files, const session_context& sessions,
                            ticket_keys& tickets) {
    owned_context made = make_context(how, tickets, this);
    if (made == nullptr) return "OpenSSL has no memory for a certificate";
    SSL_CTX_set_session_id_context(made.get(), sessions.bytes.data(), SSL_MAX_SID_CTX_LENGTH);
    keys::wiped text;
    if (auto why = read_file(files.certificate, text)) return "tls_certificate_files: " + *why;
    owned_certificate own;
    if (auto why = use_certificates(made.get(), files.certificate, text, own)) return "tls_certificate_files: " + *why;
    if (auto why = read_file(files.key, text)) return "tls_key_files: " + *why;
    if (auto why = use_key(made.get(), files.key, text, files.certificate)) return "tls_key_files: " + *why;
    if (!how.client_ca_file.empty()) {
        if (auto why = believe(made.get(), how.client_ca_file, true)) return how.client_ca_option + ": " + *why;
        SSL_CTX_set_verify(made.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
        if (how.takes_its_own) SSL_CTX_set_cert_verify_callback(made.get(), judge_client, this);
    }
    take_names(own.get(), made.get());
    look_at_times(own.get(), files.certificate);
    contexts_.push_back(std::move(made));
    return {};
}

// Its own need nobody who vouches for them.
int certificates::judge_client(X509_STORE_CTX* shown, void* all) {
    const X509* const own = X509_STORE_CTX_get0_cert(shown);
    for (const owned_context& each : static_cast<const certificates*>(all)->contexts_) {
        if (X509_cmp(own, SSL_CTX_get0_certificate(each.get())) != 0) continue;
        X509_STORE_CTX_set_error(shown, X509_V_OK);
        return 1;
    }
    return X509_verify_cert(shown);
}

// Of two certificates for one name the first is used.
void certificates::take_names(X509* of, SSL_CTX* context) {
    const keys::owned<GENERAL_NAMES, GENERAL_NAMES_free> all{
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(of, NID_subject_alt_name, nullptr, nullptr))};
    const int count = all == nullptr ? 0 : sk_GENERAL_NAME_num(all.get());
    for (int i = 0; i < count && by_name_.size() < names_max; ++i) {
        const GENERAL_NAME* const name = sk_GENERAL_NAME_value(all.get(), i);
        if (name->type != GEN_DNS) continue;
        const std::string_view text{reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                                    static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))};
        by_name_.emplace(in_lower_case(text), context);
    }
}

void certificates::look_at_times(X509* of, const std::string& path) {
    const std::chrono::sys_seconds now{std::chrono::seconds{std::time(nullptr)}};
    const std::chrono::sys_seconds ends = time_of(X509_get0_notAfter(of));
    not_after_ = std::min(not_after_, ends);
    if (ends <= now) remarks_.push_back(fmt::format("the certificate in {} is no longer valid", path));
    if (time_of(X509_get0_notBefore(of)) > now)
        remarks_.push_back(fmt::format("the certificate in {} is not valid yet", path));
}

SSL_CTX* certificates::context_for(std::string_view host) const {
    std::string name = in_lower_case(host);
    if (const auto found = by_name_.find(name); found != by_name_.end()) return found->second;
    if (const std::size_t dot = name.find('.'); dot != name.npos) {
        if (const auto found = by_name_.find('*' + name.substr(dot)); found != by_name_.end()) return found->second;
    }
    return contexts_.front().get();
}

owned_ssl certificates::accept() const {
    const keys::no_openssl_errors quiet;
    owned_ssl made{SSL_new(contexts_.front().get())};
    if (made != nullptr) SSL_set_accept_state(made.get());
    return made;
}

} // namespace carillon::tls
