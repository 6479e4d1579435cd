#include "protobuf/encoder.hpp"

#include "protocol/client_info.hpp"

#include <protozero/pbf_writer.hpp>
#include <protozero/varint.hpp>
#include <string>

// The numbers of the fields are those of proto/client.proto.
namespace carillon::protobuf {

namespace {

using namespace protocol;
using protozero::pbf_writer;

namespace reply {
enum : protozero::pbf_tag_type {
    id = 1,
    error = 2,
    push = 4,
    connect = 5,
    subscribe = 6,
    unsubscribe = 7,
    publish = 8,
    presence = 9,
    presence_stats = 10,
    history = 11,
    rpc = 13,
    refresh = 14,
    sub_refresh = 15
};
} // namespace reply

namespace push {
enum : protozero::pbf_tag_type {
    channel = 2,
    pub = 4,
    join = 5,
    leave = 6,
    unsubscribe = 7,
    subscribe = 9,
    disconnect = 11,
    refresh = 12
};
} // namespace push

// Puts the length of what has been appended since `begin` in front of it.
void put_length_before(std::string& out, std::size_t begin) {
    std::string length; // short enough to need no memory
    protozero::add_varint_to_buffer(&length, out.size() - begin);
    out.insert(begin, length);
}

// One message with its length in front.
template <class Write>
void delimited(std::string& out, Write&& write) {
    const std::size_t begin = out.size();
    {
        pbf_writer message{out};
        write(message);
    }
    put_length_before(out, begin);
}

// Calls `visit` with each message of a list that delimited() has made.
template <class Visit>
void each_delimited(std::string_view list, Visit&& visit) {
    const char* at = list.data();
    const char* const end = at + list.size();
    while (at < end) {
        const auto size = static_cast<std::size_t>(protozero::decode_varint(&at, end));
        visit(std::string_view{at, size});
        at += size;
    }
}

void text(pbf_writer& to, protozero::pbf_tag_type tag, std::string_view value) {
    if (!value.empty()) to.add_bytes(tag, value.data(), value.size());
}

void number(pbf_writer& to, protozero::pbf_tag_type tag, std::uint64_t value) {
    if (value != 0) to.add_uint64(tag, value);
}

void flag(pbf_writer& to, protozero::pbf_tag_type tag, bool value) {
    if (value) to.add_bool(tag, true);
}

void expiry(pbf_writer& to, protozero::pbf_tag_type expires, protozero::pbf_tag_type ttl, time_left left) {
    if (!left) return;
    to.add_bool(expires, true);
    number(to, ttl, static_cast<std::uint64_t>(left->count()));
}

void client_info_message(pbf_writer& to, protozero::pbf_tag_type tag, std::string_view json) {
    client_info who;
    if (!read_client_info(json, who)) return;
    pbf_writer info{to, tag};
    text(info, 1, who.user);
    text(info, 2, who.client);
    text(info, 3, who.conn_info);
    text(info, 4, who.chan_info);
}

void publication_message(pbf_writer& to, const publication& what) {
    text(to, 4, what.patch.empty() ? what.data : what.patch);
    if (!what.info.empty()) client_info_message(to, 5, what.info);
    number(to, 6, what.offset);
    if (!what.tags.empty()) {
        each_tag(what.tags, [&](std::string_view name, std::string_view value) {
            pbf_writer entry{to, 7};
            text(entry, 1, name);
            text(entry, 2, value);
        });
    }
    flag(to, 8, !what.patch.empty());
    text(to, 10, what.to);
    if (what.offset == 1) text(to, 14, what.epoch);
}

void subscribe_message(pbf_writer& to, const subscribe_result& what) {
    expiry(to, 1, 2, what.left);
    if (what.stream) {
        const stream_place& place = *what.stream;
        to.add_bool(3, true); // recoverable
        text(to, 6, place.epoch);
        each_delimited(place.publications, [&](std::string_view one) { to.add_message(7, one.data(), one.size()); });
        flag(to, 8, place.recovered);
        number(to, 9, place.offset);
        to.add_bool(10, true); // positioned
    }
    text(to, 11, what.data);
    flag(to, 12, what.was_recovering);
    flag(to, 13, what.delta);
}

// A message in a message. protozero leaves out an empty one, but whether it is there is what it says.
template <class Write>
void nested(std::string& out, pbf_writer& to, protozero::pbf_tag_type tag, Write&& write) {
    const std::size_t before = out.size();
    {
        pbf_writer inner{to, tag};
        write(inner);
    }
    if (out.size() == before) to.add_message(tag, "", 0);
}

template <class Write>
void reply_message(std::string& out, std::uint32_t id, protozero::pbf_tag_type tag, Write&& write) {
    delimited(out, [&](pbf_writer& whole) {
        number(whole, reply::id, id);
        nested(out, whole, tag, write);
    });
}

template <class Write>
void push_message(std::string& out, std::string_view channel, protozero::pbf_tag_type tag, Write&& write) {
    delimited(out, [&](pbf_writer& whole) {
        nested(out, whole, reply::push, [&](pbf_writer& pushed) {
            text(pushed, push::channel, channel);
            nested(out, pushed, tag, write);
        });
    });
}

class protobuf_form final : public protocol::encoder {
public:
    void connect_reply(std::string& out, std::uint32_t id, const connect_result& what) const override {
        reply_message(out, id, reply::connect, [&](pbf_writer& to) {
            text(to, 1, what.client);
            text(to, 2, what.version);
            expiry(to, 3, 4, what.left);
            text(to, 5, what.data);
            for (const server_subscription& each : what.subscriptions) {
                pbf_writer entry{to, 6};
                text(entry, 1, each.channel);
                nested(out, entry, 2, [&](pbf_writer& value) { subscribe_message(value, each.what); });
            }
            number(to, 7, static_cast<std::uint64_t>(what.ping.count()));
            flag(to, 8, what.pong);
            text(to, 9, what.session);
            text(to, 10, what.node);
        });
    }
    void empty_reply(std::string& out, std::uint32_t id, empty_result of) const override {
        reply_message(out, id, of == empty_result::publish ? reply::publish : reply::unsubscribe,
                      [](const pbf_writer&) {});
    }
    void subscribe_reply(std::string& out, std::uint32_t id, const subscribe_result& what) const override {
        reply_message(out, id, reply::subscribe, [&](pbf_writer& to) { subscribe_message(to, what); });
    }
    void refresh_reply(std::string& out, std::uint32_t id, std::string_view client, std::string_view version,
                       time_left left) const override {
        reply_message(out, id, reply::refresh, [&](pbf_writer& to) {
            text(to, 1, client);
            text(to, 2, version);
            expiry(to, 3, 4, left);
        });
    }
    void sub_refresh_reply(std::string& out, std::uint32_t id, time_left left) const override {
        reply_message(out, id, reply::sub_refresh, [&](pbf_writer& to) { expiry(to, 1, 2, left); });
    }
    void rpc_reply(std::string& out, std::uint32_t id, std::string_view data) const override {
        reply_message(out, id, reply::rpc, [&](pbf_writer& to) { text(to, 1, data); });
    }
    void error_reply(std::string& out, std::uint32_t id, std::uint32_t code, std::string_view message,
                     bool temporary) const override {
        reply_message(out, id, reply::error, [&](pbf_writer& to) {
            number(to, 1, code);
            text(to, 2, message);
            flag(to, 3, temporary);
        });
    }
    void history_reply(std::string& out, std::uint32_t id, const stream_position& top,
                       std::string_view publications) const override {
        reply_message(out, id, reply::history, [&](pbf_writer& to) {
            each_delimited(publications, [&](std::string_view one) { to.add_message(1, one.data(), one.size()); });
            text(to, 2, top.epoch);
            number(to, 3, top.offset);
        });
    }
    void presence_reply(std::string& out, std::uint32_t id, std::string_view clients) const override {
        reply_message(out, id, reply::presence, [&](pbf_writer& to) {
            each_delimited(clients, [&](std::string_view one) { to.add_message(1, one.data(), one.size()); });
        });
    }
    void presence_stats_reply(std::string& out, std::uint32_t id, std::size_t clients,
                              std::size_t users) const override {
        reply_message(out, id, reply::presence_stats, [&](pbf_writer& to) {
            number(to, 1, clients);
            number(to, 2, users);
        });
    }

    void publication_push(std::string& out, std::string_view channel, const publication& what) const override {
        push_message(out, channel, push::pub, [&](pbf_writer& to) { publication_message(to, what); });
    }
    void join_push(std::string& out, std::string_view channel, std::string_view info) const override {
        push_message(out, channel, push::join, [&](pbf_writer& to) { client_info_message(to, 1, info); });
    }
    void leave_push(std::string& out, std::string_view channel, std::string_view info) const override {
        push_message(out, channel, push::leave, [&](pbf_writer& to) { client_info_message(to, 1, info); });
    }
    void unsubscribe_push(std::string& out, std::string_view channel, unsubscription code,
                          std::string_view reason) const override {
        push_message(out, channel, push::unsubscribe, [&](pbf_writer& to) {
            number(to, 2, static_cast<std::uint32_t>(code));
            text(to, 3, reason);
        });
    }
    void subscribe_push(std::string& out, std::string_view channel, const subscribe_result& what) const override {
        push_message(out, channel, push::subscribe, [&](pbf_writer& to) {
            if (what.stream) {
                to.add_bool(1, true);
                text(to, 4, what.stream->epoch);
                number(to, 5, what.stream->offset);
                to.add_bool(6, true);
            }
            text(to, 7, what.data);
        });
    }
    void refresh_push(std::string& out, time_left left) const override {
        push_message(out, {}, push::refresh, [&](pbf_writer& to) { expiry(to, 1, 2, left); });
    }
    void disconnect_push(std::string& out, std::uint32_t code, std::string_view reason) const override {
        push_message(out, {}, push::disconnect, [&](pbf_writer& to) {
            number(to, 1, code);
            text(to, 2, reason);
        });
    }
    void ping(std::string& out) const override { out += '\0'; }

    void listed_publication(std::string& list, const publication& what) const override {
        delimited(list, [&](pbf_writer& to) { publication_message(to, what); });
    }
    void presence_entry(std::string& list, std::string_view client, std::string_view info) const override {
        delimited(list, [&](pbf_writer& to) {
            text(to, 1, client);
            client_info_message(to, 2, info);
        });
    }
};

} // namespace

const protocol::encoder& encoder() noexcept {
    static const protobuf_form one;
    return one;
}

} // namespace carillon::protobuf
