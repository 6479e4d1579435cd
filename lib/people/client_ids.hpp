#pragma once

#include "net/connection.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/uuid/uuid.hpp>
#include <boost/uuid/uuid_hash.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::people {

/// Makes client IDs that need not be kept: UUIDs of version 8 (RFC 9562 §5.8), made of the connection's place on its
/// shard and of a keyed hash of it (SipHash-2-4), and so nothing that anybody could guess, and found again without a
/// table. The keys are random and of this object only: no other shard, node or process makes the same IDs. Who has come
/// from another process (inherit) has the ID that it had there, and only for them there is a table. Not thread-safe.
///
/// Of the 122 bits that a UUID leaves free, 64 are the place, hidden behind a hash of the other 58, which are a hash of
/// the place.
class client_ids {
public:
    client_ids();

    /// This place has an ID that another object has made.
    void inherit(net::connection_key place, const boost::uuids::uuid& id);
    /// Nobody is there any more.
    void forget(net::connection_key place) noexcept;

    boost::uuids::uuid id_of(net::connection_key place) const noexcept;
    /// The place that `id` was made of; empty if this object has not made it.
    std::optional<net::connection_key> place_of(const boost::uuids::uuid& id) const noexcept;
    /// The same from the 36 characters of the text; empty for every other text.
    std::optional<net::connection_key> place_of(std::string_view id) const noexcept;

    /// What somebody shows whose commands come by requests of their own (protocol §7.3): the place and the shard, and a
    /// keyed hash of 128 bits that nobody else can know. 52 characters.
    std::string session_of(std::uint32_t shard, net::connection_key place) const;
    /// The shard that a session is of, if it looks like one. Needs no keys.
    static std::optional<std::uint32_t> shard_of_session(std::string_view session) noexcept;
    /// The place that a session was made of; empty if this object has not made it.
    std::optional<net::connection_key> place_of_session(std::string_view session) const;

private:
    using key = std::array<unsigned char, 16>;
    static std::uint64_t hash(const key& with, std::uint64_t what) noexcept;
    boost::uuids::uuid own_id_of(net::connection_key place) const noexcept;

    key of_places_;
    key of_tags_;
    std::array<key, 2> of_sessions_;
    boost::unordered_flat_map<std::uint64_t, boost::uuids::uuid> inherited_;
    boost::unordered_flat_map<boost::uuids::uuid, std::uint64_t> inheritors_; // the same the other way round
};

/// The 36 characters of a UUID.
struct uuid_text {
    static constexpr std::size_t size = 36;

    explicit uuid_text(const boost::uuids::uuid& id) noexcept;
    std::string_view view() const noexcept { return {characters.data(), characters.size()}; }
    std::array<char, size> characters;
};

/// From the text as uuid_text writes it, in small letters; empty for every other text.
std::optional<boost::uuids::uuid> uuid_of(std::string_view text) noexcept;

} // namespace carillon::people
