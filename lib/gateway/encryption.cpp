#include "gateway/encryption.hpp"

#include <boost/system/system_error.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <utility>

namespace carillon::gateway {

namespace {

tls::terms terms_of(const config::settings& how) {
    tls::terms terms{.files = {}, .client_ca_file = how.tls_client_ca_file, .only_1_3 = how.tls_min_version == "1.3"};
    for (std::size_t i = 0; i < how.tls_certificate_files.size(); ++i)
        terms.files.push_back({how.tls_certificate_files[i], how.tls_key_files[i]});
    return terms;
}

} // namespace

std::optional<std::string> encryption::complaint_of(const config::settings& how) {
    if (how.tls_min_version != "1.2" && how.tls_min_version != "1.3") return "tls_min_version: give 1.2 or 1.3";
    if (how.tls_certificate_files.size() != how.tls_key_files.size())
        return fmt::format("tls_key_files: {} keys are given for {} certificates (tls_certificate_files)",
                           how.tls_key_files.size(), how.tls_certificate_files.size());
    if (how.tls_certificate_files.empty()) {
        if (!how.tls_client_ca_file.empty())
            return "tls_client_ca_file: clients show certificates with TLS only: give tls_certificate_files";
        return {};
    }
    if (how.client_listen.is_path())
        return "tls_certificate_files: no TLS is spoken on a unix socket, as client_listen is one";
    tls::ticket_keys unused;
    std::shared_ptr<const tls::certificates> read;
    return tls::certificates::read(terms_of(how), unused, read);
}

std::unique_ptr<encryption> encryption::of(const config::settings& how) {
    if (how.tls_certificate_files.empty()) return nullptr;
    std::unique_ptr<encryption> made{new encryption};
    if (auto why = made->reload(how)) // they were right when the configuration was read
        throw boost::system::system_error{EINVAL, boost::system::system_category(), *why};
    return made;
}

std::optional<std::string> encryption::reload(const config::settings& how) {
    std::shared_ptr<const tls::certificates> read;
    if (how.tls_certificate_files.empty()) return "TLS cannot be turned off while the program runs";
    if (auto why = tls::certificates::read(terms_of(how), tickets_, read)) return why;
    for (const std::string& remark : read->remarks()) spdlog::warn("{}", remark);
    spdlog::info("TLS {} or later on the client port: {} certificates, the first ends {:%Y-%m-%d %H:%M} UTC{}",
                 how.tls_min_version, read->size(),
                 fmt::gmtime(std::chrono::system_clock::to_time_t(read->not_after())),
                 how.tls_client_ca_file.empty() ? "" : "; clients must show one");
    entrance_.use(std::move(read));
    return {};
}

} // namespace carillon::gateway
