#include "migrate/redis.hpp"

#include "config/value.hpp"

#include <fmt/format.h>

#include <span>
#include <string>
#include <vector>

namespace carillon::migrate {

namespace {

using option = old_options::option;

std::string percent_encoded(std::string_view text) {
    std::string written;
    for (const char letter : text) {
        const bool is_plain = (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
                              (letter >= 'A' && letter <= 'Z') || letter == '-' || letter == '_' || letter == '.';
        if (is_plain) written += letter;
        if (!is_plain) written += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(letter)));
    }
    return written;
}

std::string text_at(old_options& from, std::string_view path) {
    const option* given = from.take(path);
    return given == nullptr ? std::string{} : text_in(*given->value).value_or("");
}

std::string url_of(const std::string& address, const std::string& user, const std::string& database) {
    std::string url = address.find("://") == address.npos ? "redis://" + address : address;
    url = url.substr(0, url.find('?'));
    if (!user.empty() && url.find('@') == url.npos) url.insert(url.find("://") + 3, percent_encoded(user) + "@");
    if (!database.empty() && database != "0" && url.find('/', url.find("://") + 3) == url.npos) url += '/' + database;
    return url;
}

// The option that wants TLS to the servers; empty: none does.
std::string encryption_at(old_options& from, const std::string& place) {
    for (const char* const name : {"tls.enabled", "tls"}) {
        const option* given = from.take(place + name);
        if (given != nullptr && truth_in(*given->value).value_or(false)) return given->written;
    }
    return {};
}

// Several servers have one user, one password and one scheme: those of the first.
std::string url_of_servers(const std::vector<std::string>& addresses, const std::string& user,
                           const std::string& database) {
    const std::size_t end = addresses.front().find("://");
    const std::string scheme = (end == std::string::npos ? "redis" : addresses.front().substr(0, end)) + "://";
    std::string url = scheme;
    for (const std::string& each : addresses) {
        if (url.size() > scheme.size()) url += ',';
        const std::string address = each.substr(0, each.find('?'));
        url += address.starts_with(scheme) ? address.substr(scheme.size()) : address;
    }
    return url_of(url, user, database);
}

// With the name that everybody gives the master, unless there is another.
std::string url_of_sentinels(const std::vector<std::string>& addresses, const std::string& user,
                             const std::string& master) {
    return fmt::format("redis-sentinel://{}{}{}/{}", percent_encoded(user), user.empty() ? "" : "@",
                       fmt::join(addresses, ","), master.empty() ? "mymaster" : master);
}

// Each of its addresses may name several nodes.
std::string url_of_cluster(const std::vector<std::string>& addresses, const std::string& user) {
    return fmt::format("redis-cluster://{}{}{}", percent_encoded(user), user.empty() ? "" : "@",
                       fmt::join(addresses, ","));
}

} // namespace

void write_bus(old_options& from, const writing& out) {
    const option* engine = from.take("engine.type");
    const option* broker = from.take("broker.type");
    const option* switched = from.take("broker.enabled");
    if (broker != nullptr && switched != nullptr && !truth_in(*switched->value).value_or(true)) {
        out.say(fate::taken, switched->written, "the bus is inside of the process");
        broker = nullptr;
    }
    const bool is_engine = engine != nullptr && text_in(*engine->value) == "redis";
    const bool is_broker = broker != nullptr && text_in(*broker->value) == "redis";
    if (broker != nullptr && !is_broker && !says_nothing(*broker->value))
        out.say(fate::missing, broker->written, "the bus is inside of the process, or a Redis");
    if (!is_engine && !is_broker) return;
    const option* type = is_engine ? engine : broker;
    const std::string place = is_engine ? "engine.redis." : "broker.redis.";
    const option* given = from.take(place + "address");
    if (given == nullptr) given = from.take("engine.redis.address");
    std::vector<std::string> addresses;
    if (given != nullptr) addresses = texts_in(*given->value).value_or(addresses);
    if (addresses.empty()) addresses.emplace_back("127.0.0.1:6379");
    const std::string user = text_at(from, place + "user");
    const std::string password = text_at(from, place + "password");
    const option* database = from.take(place + "db");
    const std::string number = database == nullptr ? "" : fmt::to_string(number_in(*database->value).value_or(0));
    const option* cluster = from.take(place + "cluster_address");
    const bool is_cluster = cluster != nullptr && !says_nothing(*cluster->value);
    if (is_cluster) addresses = texts_in(*cluster->value).value_or(addresses);
    const option* watched = from.take(place + "sentinel_address");
    const std::string master = text_at(from, place + "sentinel_master_name");
    const std::string sentinel_user = text_at(from, place + "sentinel_user");
    const std::string sentinel_password = text_at(from, place + "sentinel_password");
    const bool has_sentinels = !is_cluster && watched != nullptr && !says_nothing(*watched->value);
    if (has_sentinels) addresses = texts_in(*watched->value).value_or(addresses);
    const option* told = is_cluster ? cluster : has_sentinels ? watched : given == nullptr ? type : given;
    const std::string& written = told->written;
    std::string url = url_of_servers(addresses, user, number);
    if (has_sentinels) url = url_of_sentinels(addresses, user, master);
    if (is_cluster) url = url_of_cluster(addresses, user);
    const std::string encryption = encryption_at(from, place);
    if (!encryption.empty() && url.starts_with("redis") && !url.starts_with("rediss")) url = "rediss" + url.substr(5);
    config::settings scratch;
    if (config::assign(scratch, *config::find_option("bus"), std::span{&url, 1})) {
        out.say(fate::missing, written, "bus takes other addresses: see docs/configuration.md");
        return;
    }
    out.line("bus", in_toml(url));
    out.say(fate::taken, type->written, "bus");
    if (!encryption.empty())
        out.say(
            fate::differs, encryption,
            "rediss:// in bus; files of certificates are bus_tls_ca_file, bus_tls_certificate_file, bus_tls_key_file");
    if (const std::string prefix = text_at(from, place + "prefix");
        !prefix.empty() && prefix.size() <= config::find_option("bus_prefix")->most) {
        out.line("bus_prefix", in_toml(prefix));
        out.say(fate::taken, place + "prefix", "bus_prefix; what was kept under it is not read");
    }
    out.say(fate::differs, written,
            "bus; channels are called there as they are, so keep gateways of both kinds on different servers");
    if (has_sentinels && !sentinel_user.empty()) {
        out.line("bus_sentinel_user", in_toml(sentinel_user));
        out.say(fate::taken, place + "sentinel_user", "bus_sentinel_user");
    }
    if (has_sentinels && !sentinel_password.empty()) {
        out.line("bus_sentinel_password", in_toml(sentinel_password));
        out.say(fate::taken, place + "sentinel_password", "bus_sentinel_password");
    }
    if (password.empty() || !scratch.bus->password.empty()) return;
    out.line("bus_password", in_toml(password));
    out.say(fate::taken, place + "password", "bus_password");
}

} // namespace carillon::migrate
