#pragma once

#include "base/name_hash.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/uuid/uuid.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::presence {

/// The ID of a client: what its UUID stands for.
using client_id = boost::uuids::uuid;

/// Who is in which channel. A channel where nobody is costs nothing, and one where only few are, what these are. Pure.
/// Not thread-safe.
class registry {
public:
    struct member {
        std::string user;
        std::string info; ///< ClientInfo as JSON (protocol §3.1)
    };

    /// False: it is there already, and is what it was.
    bool enter(std::string_view channel, const client_id& who, member what);
    /// What it was there; null: it was not.
    std::unique_ptr<const member> leave(std::string_view channel, const client_id& who);

    struct numbers {
        std::size_t clients = 0;
        std::size_t users = 0; ///< different ones; all who have none count as one
    };
    numbers count(std::string_view channel) const;

    /// Calls `visit(client_id, member)` for each client in the channel, in no order. It may not change the registry.
    template <class Visit>
    void each(std::string_view channel, Visit&& visit) const {
        const auto found = channels_.find(channel);
        if (found == channels_.end()) return;
        const crowd& its = found->second;
        for (const auto& [who, what] : its.few) visit(who, what);
        if (its.many == nullptr) return;
        for (const auto& [who, what] : its.many->members) visit(who, what);
    }

    std::size_t channels() const noexcept { return channels_.size(); }
    std::size_t entries() const noexcept { return entries_; } ///< pairs of client and channel

private:
    struct id_hash {
        std::size_t operator()(const client_id& of) const noexcept {
            return name_hash({reinterpret_cast<const char*>(of.begin()), of.size()});
        }
    };
    // Tables have room for a dozen from the first on, a kilobyte and more: worth it where there is something to look
    // up.
    struct tables {
        boost::unordered_flat_map<client_id, member, id_hash> members;
        boost::unordered_flat_map<std::string, std::uint32_t, hash_of_name, std::equal_to<>> users; // and their clients
    };
    // All are in `few`, or all in `many`. They change over at few_max, and back at a half of it.
    struct crowd {
        std::vector<std::pair<client_id, member>> few;
        std::unique_ptr<tables> many;

        bool add(const client_id& who, member what);
        std::unique_ptr<const member> take(const client_id& who);
        numbers count() const;

    private:
        void grow();
        void shrink();
    };
    static constexpr std::size_t few_max = 8;

    boost::unordered_flat_map<std::string, crowd, hash_of_name, std::equal_to<>> channels_;
    std::size_t entries_ = 0;
};

} // namespace carillon::presence
