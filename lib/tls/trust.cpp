#include "tls/trust.hpp"

#include "tls/files.hpp"

#include <fmt/format.h>

#include <utility>

namespace carillon::tls {

namespace {

using complaint = std::optional<std::string>;

complaint show(SSL_CTX* context, const trust_terms& how) {
    keys::wiped text;
    owned_certificate own;
    if (auto why = read_file(how.certificate_file, text)) return "certificate_file: " + *why;
    if (auto why = use_certificates(context, how.certificate_file, text, own)) return "certificate_file: " + *why;
    if (auto why = read_file(how.key_file, text)) return "key_file: " + *why;
    if (auto why = use_key(context, how.key_file, text, how.certificate_file)) return "key_file: " + *why;
    return {};
}

complaint prepare(SSL_CTX* context, const trust_terms& how) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(context, how.anybody ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
    if (how.anybody) {
        // nobody is believed, and nobody is asked
    } else if (how.ca_file.empty()) {
        SSL_CTX_set_default_verify_paths(context);
    } else if (auto why = believe(context, how.ca_file, false)) {
        return "ca_file: " + *why;
    }
    return how.certificate_file.empty() ? complaint{} : show(context, how);
}

} // namespace

complaint trust::read(const trust_terms& how, std::shared_ptr<const trust>& into) {
    const keys::no_openssl_errors quiet;
    std::shared_ptr<trust> made{new trust};
    made->context_.reset(SSL_CTX_new(TLS_client_method()));
    if (made->context_ == nullptr) return "OpenSSL has no memory for TLS";
    if (auto why = prepare(made->context_.get(), how)) return how.options + *why;
    into = std::move(made);
    return {};
}

owned_ssl trust::connect(const std::string& host) const {
    const keys::no_openssl_errors quiet;
    owned_ssl made{SSL_new(context_.get())};
    if (made == nullptr) return made;
    SSL_set_connect_state(made.get());
    // An address has no place in the greeting (RFC 6066 §3).
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(made.get()), host.c_str()) == 1) return made;
    SSL_set_hostflags(made.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    std::string name = host;
    // The macro of OpenSSL for it casts as C does.
    if (SSL_set1_host(made.get(), host.c_str()) != 1 ||
        SSL_ctrl(made.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) != 1)
        return nullptr;
    return made;
}

} // namespace carillon::tls
