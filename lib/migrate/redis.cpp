#include "migrate/redis.hpp"

#include "config/value.hpp"

#include <span>

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

} // namespace

void write_bus(old_options& from, const writing& out) {
    const option* engine = from.take("engine.type");
    const option* broker = from.take("broker.type");
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
    const std::string& written = given == nullptr ? type->written : given->written;
    const std::string user = text_at(from, place + "user");
    const std::string password = text_at(from, place + "password");
    const option* database = from.take(place + "db");
    const std::string number = database == nullptr ? "" : fmt::to_string(number_in(*database->value).value_or(0));
    for (const auto* elsewhere : {"cluster_address", "sentinel_address"}) {
        const option* other = from.take(place + elsewhere);
        if (other == nullptr || says_nothing(*other->value)) continue;
        out.say(fate::missing, other->written, "the bus is one Redis; give its address as bus");
        return;
    }
    const std::string url = url_of(addresses.front(), user, number);
    config::settings scratch;
    if (config::assign(scratch, *config::find_option("bus"), std::span{&url, 1})) {
        out.say(fate::missing, written, "bus takes redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]");
        return;
    }
    out.line("bus", in_toml(url));
    out.say(fate::taken, type->written, "bus");
    out.say(fate::differs, written,
            "bus; channels are called there as they are, so keep gateways of both kinds on different servers");
    if (addresses.size() > 1) out.say(fate::missing, written, "there is one server: the first one is taken");
    if (password.empty() || !scratch.bus->password.empty()) return;
    out.line("bus_password", in_toml(password));
    out.say(fate::taken, place + "password", "bus_password");
}

} // namespace carillon::migrate
