#include "base/check.hpp"
#include "protocol/encoder.hpp"

#include <cstddef>

namespace carillon::protocol {

namespace {

class json final : public encoder {
public:
    void connect_reply(std::string& out, std::uint32_t id, const connect_result& what) const override {
        append_connect_reply(out, id, what);
    }
    void empty_reply(std::string& out, std::uint32_t id, empty_result of) const override {
        append_empty_reply(out, id, of == empty_result::publish ? "publish" : "unsubscribe");
    }
    void subscribe_reply(std::string& out, std::uint32_t id, const subscribe_result& what) const override {
        append_subscribe_reply(out, id, what);
    }
    void refresh_reply(std::string& out, std::uint32_t id, std::string_view client, std::string_view version,
                       time_left left) const override {
        append_refresh_reply(out, id, client, version, left);
    }
    void sub_refresh_reply(std::string& out, std::uint32_t id, time_left left) const override {
        append_sub_refresh_reply(out, id, left);
    }
    void rpc_reply(std::string& out, std::uint32_t id, std::string_view data) const override {
        append_rpc_reply(out, id, data);
    }
    void error_reply(std::string& out, std::uint32_t id, std::uint32_t code, std::string_view message,
                     bool temporary) const override {
        append_error_reply(out, id, code, message, temporary);
    }
    void history_reply(std::string& out, std::uint32_t id, const stream_position& top,
                       std::string_view publications) const override {
        append_history_reply(out, id, top, publications);
    }
    void presence_reply(std::string& out, std::uint32_t id, std::string_view clients) const override {
        append_presence_reply(out, id, clients);
    }
    void presence_stats_reply(std::string& out, std::uint32_t id, std::size_t clients,
                              std::size_t users) const override {
        append_presence_stats_reply(out, id, clients, users);
    }
    void publication_push(std::string& out, std::string_view channel, const publication& what) const override {
        append_publication(out, channel, what);
    }
    void join_push(std::string& out, std::string_view channel, std::string_view info) const override {
        append_join_push(out, channel, info);
    }
    void leave_push(std::string& out, std::string_view channel, std::string_view info) const override {
        append_leave_push(out, channel, info);
    }
    void unsubscribe_push(std::string& out, std::string_view channel, unsubscription code,
                          std::string_view reason) const override {
        append_unsubscribe_push(out, channel, code, reason);
    }
    void subscribe_push(std::string& out, std::string_view channel, const subscribe_result& what) const override {
        append_subscribe_push(out, channel, what);
    }
    void refresh_push(std::string& out, time_left left) const override { append_refresh_push(out, left); }
    void disconnect_push(std::string& out, std::uint32_t code, std::string_view reason) const override {
        append_disconnect_push(out, code, reason);
    }
    void ping(std::string& out) const override { out += ping_line; }
    void listed_publication(std::string& list, const publication& what) const override {
        if (!list.empty()) list += ',';
        append_listed_publication(list, what);
    }
    void presence_entry(std::string& list, std::string_view client, std::string_view info) const override {
        append_presence_entry(list, client, info);
    }
};

// A push without what a Reply has around it: {"push":...}.
class pushes final : public encoder {
public:
    void connect_reply(std::string& out, std::uint32_t id, const connect_result& what) const override {
        // {"id":1,"connect":{...}} without its id.
        const std::size_t begin = out.size();
        append_connect_reply(out, id, what);
        out.erase(begin + 1, out.find(',', begin) - begin);
    }
    // It has sent no other command that could be answered.
    void empty_reply(std::string&, std::uint32_t, empty_result) const override {}
    void subscribe_reply(std::string&, std::uint32_t, const subscribe_result&) const override {}
    void refresh_reply(std::string&, std::uint32_t, std::string_view, std::string_view, time_left) const override {}
    void sub_refresh_reply(std::string&, std::uint32_t, time_left) const override {}
    void rpc_reply(std::string&, std::uint32_t, std::string_view) const override {}
    void error_reply(std::string&, std::uint32_t, std::uint32_t, std::string_view, bool) const override {}
    void history_reply(std::string&, std::uint32_t, const stream_position&, std::string_view) const override {}
    void presence_reply(std::string&, std::uint32_t, std::string_view) const override {}
    void presence_stats_reply(std::string&, std::uint32_t, std::size_t, std::size_t) const override {}

    void publication_push(std::string& out, std::string_view channel, const publication& what) const override {
        bare(out, [&] { append_publication(out, channel, what); });
    }
    void join_push(std::string& out, std::string_view channel, std::string_view info) const override {
        bare(out, [&] { append_join_push(out, channel, info); });
    }
    void leave_push(std::string& out, std::string_view channel, std::string_view info) const override {
        bare(out, [&] { append_leave_push(out, channel, info); });
    }
    void unsubscribe_push(std::string& out, std::string_view channel, unsubscription code,
                          std::string_view reason) const override {
        bare(out, [&] { append_unsubscribe_push(out, channel, code, reason); });
    }
    void subscribe_push(std::string& out, std::string_view channel, const subscribe_result& what) const override {
        bare(out, [&] { append_subscribe_push(out, channel, what); });
    }
    void refresh_push(std::string& out, time_left left) const override {
        bare(out, [&] { append_refresh_push(out, left); });
    }
    void disconnect_push(std::string& out, std::uint32_t code, std::string_view reason) const override {
        bare(out, [&] { append_disconnect_push(out, code, reason); });
    }
    void ping(std::string& out) const override { out += ping_line; }
    void listed_publication(std::string& list, const publication& what) const override {
        if (!list.empty()) list += ',';
        append_listed_publication(list, what);
    }
    void presence_entry(std::string& list, std::string_view client, std::string_view info) const override {
        append_presence_entry(list, client, info);
    }

private:
    template <class Append>
    static void bare(std::string& out, Append&& append) {
        constexpr std::string_view wrapper = R"({"push":)";
        const std::size_t begin = out.size();
        append();
        CHECK(std::string_view{out}.substr(begin).starts_with(wrapper));
        out.erase(begin, wrapper.size());
        out.pop_back();
    }
};

} // namespace

const encoder& json_encoder() noexcept {
    static const json one;
    return one;
}

const encoder& push_encoder() noexcept {
    static const pushes one;
    return one;
}

} // namespace carillon::protocol
