#pragma once

#include "auth/digest.hpp"
#include "base/check.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

namespace carillon::auth {

/// What a memory of tokens has done, and what is in it.
struct memory_counters {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t evictions = 0; ///< to make room; not those whose time had come
    std::size_t entries = 0;
    std::size_t bytes = 0;
};

/// Tokens that were good when they were checked, by their digest, with what they say: so that a client that comes back
/// costs a hash and not a signature check. Bounded in bytes: then those go that were not asked for since the clock's
/// hand last passed them. An entry is forgotten when its token expires, all are when the keys change (`clear`). A
/// look-up allocates nothing. Not thread-safe.
template <class Claims>
class remembered {
public:
    /// What an entry takes beside its claims: in the list and in the table, both of which grow by doubling.
    static constexpr std::size_t overhead_bytes = 2 * (64 + 40);

    explicit remembered(std::size_t bytes_max) : bytes_max_{bytes_max} {}

    /// Null if the token is not known or has expired by `now`.
    std::shared_ptr<const Claims> find(const token_digest& digest, std::chrono::sys_seconds now) {
        const auto at = index_.find(digest);
        if (at == index_.end()) return miss();
        entry& found = entries_[at->second];
        if (now >= found.until) {
            forget(at->second);
            return miss();
        }
        found.used = true;
        ++counters_.hits;
        return found.claims;
    }

    /// Remembers a token that was not known (else that is a bug), until `until`; makes room first. One that is larger
    /// than everything together is not remembered.
    void insert(const token_digest& digest, std::shared_ptr<const Claims> claims, std::chrono::sys_seconds until) {
        const std::size_t bytes = overhead_bytes + memory_bytes(*claims);
        if (bytes > bytes_max_) return;
        while (counters_.bytes + bytes > bytes_max_) pass();
        const auto [at, is_new] = index_.emplace(digest, static_cast<std::uint32_t>(entries_.size()));
        CHECK(is_new);
        entries_.push_back({digest, std::move(claims), until, static_cast<std::uint32_t>(bytes), false});
        counters_.bytes += bytes;
        counters_.entries = entries_.size();
    }

    void clear() {
        index_.clear();
        entries_.clear();
        hand_ = 0;
        counters_.entries = counters_.bytes = 0;
    }

    const memory_counters& counters() const noexcept { return counters_; }

private:
    struct entry {
        token_digest digest;
        std::shared_ptr<const Claims> claims;
        std::chrono::sys_seconds until;
        std::uint32_t bytes;
        bool used;
    };
    static_assert(sizeof(entry) == 64);

    // Digests are spread evenly already, and only those of tokens that were good get in.
    struct hash_of_digest {
        using is_avalanching = void;
        std::size_t operator()(const token_digest& digest) const noexcept {
            std::size_t hash = 0;
            std::memcpy(&hash, digest.data(), sizeof hash);
            return hash;
        }
    };

    std::shared_ptr<const Claims> miss() noexcept {
        ++counters_.misses;
        return nullptr;
    }

    // The clock's hand moves on by one: an entry that was used gets another round, another one goes.
    void pass() {
        CHECK(!entries_.empty());
        if (hand_ >= entries_.size()) hand_ = 0;
        entry& passed = entries_[hand_];
        if (std::exchange(passed.used, false)) {
            ++hand_;
            return;
        }
        ++counters_.evictions;
        forget(hand_);
    }

    // The last entry moves into the hole.
    void forget(std::size_t at) {
        counters_.bytes -= entries_[at].bytes;
        index_.erase(entries_[at].digest);
        if (at + 1 != entries_.size()) {
            entries_[at] = std::move(entries_.back());
            index_.find(entries_[at].digest)->second = static_cast<std::uint32_t>(at);
        }
        entries_.pop_back();
        counters_.entries = entries_.size();
    }

    std::size_t bytes_max_;
    std::size_t hand_ = 0;
    std::vector<entry> entries_;
    boost::unordered_flat_map<token_digest, std::uint32_t, hash_of_digest> index_;
    memory_counters counters_;
};

} // namespace carillon::auth
