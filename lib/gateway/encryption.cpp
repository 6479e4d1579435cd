#include "gateway/encryption.hpp"

#include "base/check.hpp"
#include "config/value.hpp"

#include <boost/system/system_error.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::gateway {

namespace {

using complaint = std::optional<std::string>;
using port = encryption::port;

/// What there is to know of a port.
struct port_facts {
    std::string_view name; ///< in tls_ports
    std::string_view words;
    std::string_view listen; ///< the option that says where it is
    const char* ca_option;
    std::string config::settings::*ca_file;
};

const port_facts& facts_of(port at) {
    using config::settings;
    static constexpr port_facts client{"client", "the client port", "client_listen", "tls_client_ca_file",
                                       &settings::tls_client_ca_file},
        control{"control", "the control port", "control_listen", "tls_control_client_ca_file",
                &settings::tls_control_client_ca_file},
        bus{"bus", "the bus door", "bus_listen", "tls_bus_client_ca_file", &settings::tls_bus_client_ca_file};
    switch (at) {
    case port::client: return client;
    case port::control: return control;
    case port::bus: return bus;
    }
    CHECK(false);
}

bool is_named(config::program which, const config::settings& how, port at) {
    if (how.tls_ports.empty()) return at == (which == config::program::gateway ? port::client : port::bus);
    return std::ranges::find(how.tls_ports, facts_of(at).name) != how.tls_ports.end();
}

bool is_on_path(const config::settings& how, port at) {
    switch (at) {
    case port::client: return how.client_listen.is_path();
    case port::control: return how.control_listen.is_path();
    case port::bus: return how.bus_listen && how.bus_listen->is_path();
    }
    CHECK(false);
}

tls::terms terms_of(const config::settings& how, port at) {
    const port_facts& facts = facts_of(at);
    tls::terms terms{.files = {},
                     .client_ca_file = how.*facts.ca_file,
                     .client_ca_option = facts.ca_option,
                     .only_1_3 = how.tls_min_version == "1.3",
                     .place = std::string{facts.name},
                     .http = at != port::bus,
                     .takes_its_own = at == port::control};
    for (std::size_t i = 0; i < how.tls_certificate_files.size(); ++i)
        terms.files.push_back({how.tls_certificate_files[i], how.tls_key_files[i]});
    return terms;
}

complaint without_certificates(const config::settings& how) {
    for (const port at : encryption::ports) {
        const port_facts& facts = facts_of(at);
        if (!(how.*facts.ca_file).empty())
            return fmt::format("{}: clients show certificates with TLS only: give tls_certificate_files",
                               facts.ca_option);
    }
    if (!how.tls_ports.empty()) return "tls_ports: TLS needs certificates: give tls_certificate_files";
    return {};
}

complaint check_port(config::program which, const config::settings& how, port at) {
    const port_facts& facts = facts_of(at);
    if (!is_named(which, how, at)) {
        if ((how.*facts.ca_file).empty()) return {};
        return fmt::format("{}: {} speaks no TLS: name it in tls_ports", facts.ca_option, facts.words);
    }
    if (at == port::client && which != config::program::gateway)
        return fmt::format("tls_ports: {} has no client port", config::name_of(which));
    if (at == port::bus && !how.bus_listen) return "tls_ports: there is no bus door";
    if (is_on_path(how, at))
        return fmt::format("{}: no TLS is spoken on a unix socket, as {} is one",
                           how.tls_ports.empty() ? "tls_certificate_files" : "tls_ports", facts.listen);
    tls::ticket_keys unused;
    std::shared_ptr<const tls::certificates> read;
    return tls::certificates::read(terms_of(how, at), unused, read);
}

} // namespace

complaint encryption::complaint_of(config::program which, const config::settings& how) {
    if (how.tls_min_version != "1.2" && how.tls_min_version != "1.3") return "tls_min_version: give 1.2 or 1.3";
    if (how.tls_certificate_files.size() != how.tls_key_files.size())
        return fmt::format("tls_key_files: {} keys are given for {} certificates (tls_certificate_files)",
                           how.tls_key_files.size(), how.tls_certificate_files.size());
    for (const std::string& each : how.tls_ports) {
        if (std::ranges::none_of(ports, [&](port at) { return facts_of(at).name == each; }))
            return fmt::format("tls_ports: {} is none of client, control and bus", config::in_quotes(each));
    }
    if (how.tls_certificate_files.empty()) return without_certificates(how);
    for (const port at : ports) {
        if (auto why = check_port(which, how, at)) return why;
    }
    return {};
}

bool encryption::is_spoken(config::program which, const config::settings& how, port at) {
    return !how.tls_certificate_files.empty() && is_named(which, how, at);
}

std::unique_ptr<encryption> encryption::of(config::program which, const config::settings& how) {
    if (how.tls_certificate_files.empty()) return nullptr;
    std::unique_ptr<encryption> made{new encryption{which}};
    for (const port at : ports) {
        if (is_spoken(which, how, at))
            made->entrances_[static_cast<std::size_t>(at)] = std::make_unique<tls::entrance>(nullptr);
    }
    if (auto why = made->reload(how)) // they were right when the configuration was read
        throw boost::system::system_error{EINVAL, boost::system::system_category(), *why};
    return made;
}

// For all ports or for none.
complaint encryption::reload(const config::settings& how) {
    if (how.tls_certificate_files.empty()) return "TLS cannot be turned off while the program runs";
    std::array<std::shared_ptr<const tls::certificates>, ports.size()> read;
    std::vector<std::string> where;
    const tls::certificates* any = nullptr;
    for (const port at : ports) {
        if (entrance(at) == nullptr) continue;
        std::shared_ptr<const tls::certificates>& made = read[static_cast<std::size_t>(at)];
        if (auto why = tls::certificates::read(terms_of(how, at), tickets_, made)) return why;
        any = made.get();
        const port_facts& facts = facts_of(at);
        where.push_back(
            fmt::format("{}{}", facts.words, (how.*facts.ca_file).empty() ? "" : " (clients must show one)"));
    }
    CHECK(any != nullptr);
    for (const std::string& remark : any->remarks()) spdlog::warn("{}", remark);
    spdlog::info("TLS {} or later on {}: {} certificates, the first ends {:%Y-%m-%d %H:%M} UTC", how.tls_min_version,
                 fmt::join(where, ", "), any->size(),
                 fmt::gmtime(std::chrono::system_clock::to_time_t(any->not_after())));
    for (const port at : ports) {
        if (entrance(at) != nullptr) entrance(at)->use(std::move(read[static_cast<std::size_t>(at)]));
    }
    return {};
}

} // namespace carillon::gateway
