#include "takeover/records.hpp"

#include <utility>

namespace carillon::takeover {

namespace {

// Numbers are in little endian, texts and lists have their length in 32 bits before them.
class writer {
public:
    void number(std::uint64_t value, std::size_t bytes) {
        for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
    }
    void flag(bool value) { number(value ? 1 : 0, 1); }
    void text(std::string_view value) {
        number(value.size(), 4);
        out += value;
    }
    void bytes(const std::array<std::uint8_t, 16>& value) {
        out.append(reinterpret_cast<const char*>(value.data()), value.size());
    }

    void put(const greeting& what) {
        number(what.version, 4);
        text(what.build);
    }
    void put(const offer& what) {
        text(what.build);
        text(what.bus);
        number(what.listeners, 4);
    }
    void put(const refusal& what) { text(what.reason); }
    void put(const listener& what) {
        number(static_cast<std::uint64_t>(what.what), 1);
        text(what.host);
        number(what.port, 2);
    }
    void put(const readiness&) {}
    void put(const subscription& what) {
        text(what.channel);
        number(what.offset, 8);
        text(what.epoch);
        flag(what.joins);
        flag(what.deltas);
    }
    void put(const grant& what) {
        text(what.channel);
        flag(what.by_server);
        number(what.own, 1);
        number(what.expires, 4);
        text(what.info);
    }
    void put(const field& what) {
        text(what.name);
        text(what.value);
        flag(what.emulated);
    }
    template <class Each>
    void list(const std::vector<Each>& all) {
        number(all.size(), 4);
        for (const Each& each : all) put(each);
    }
    void put(const client& what) {
        bytes(what.id);
        bytes(what.address);
        number(what.format, 1);
        flag(what.awaits_pong);
        number(what.due_ms, 4);
        number(what.expires, 4);
        text(what.user);
        text(what.info);
        text(what.meta);
        list(what.grants);
        list(what.fields);
        list(what.subscriptions);
    }
    void put(const clients& what) { list(what.all); }
    void put(const end& what) { number(what.clients, 8); }
    void put(const acceptance& what) { number(what.clients, 8); }
    void put(const commitment&) {}

    std::string out{};
};

} // namespace

std::string write(const message& what) {
    writer into;
    into.number(what.index(), 1);
    std::visit([&](const auto& each) { into.put(each); }, what);
    return std::move(into.out);
}

std::size_t bytes_of(const client& what) {
    writer into;
    into.put(what);
    return into.out.size();
}

} // namespace carillon::takeover
