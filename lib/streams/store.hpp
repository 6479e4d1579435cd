#pragma once

#include "base/name_hash.hpp"
#include "streams/position.hpp"
#include "streams/publication.hpp"
#include "streams/ring.hpp"
#include "streams/verdict.hpp"

#include <boost/unordered/unordered_flat_set.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::streams {

/// How long and how much of a channel is kept.
struct keeping {
    std::size_t publications = 0;     ///< the newest so many
    std::chrono::seconds ttl{0};      ///< all of them for so long after the last
    std::chrono::seconds meta_ttl{0}; ///< the offset and the epoch for so long; not shorter than `ttl`
};

/// Numbers that a publisher gives his publications, so that an old state does not come after a newer one. Another
/// epoch begins anew.
struct version {
    std::uint64_t number = 0; ///< 0: none
    std::string_view epoch{};
};

/// What is told of several publications at once.
struct page_limits {
    std::size_t publications_max = 300;
    std::size_t bytes_max = 512 * 1024; ///< of payloads, infos and tags together
};

/// The streams of one shard: what was published lately, and where each channel stands. Pure: time is given. Not
/// thread-safe; the publications that it gives away may be read by any thread.
class store {
public:
    using clock = std::chrono::steady_clock;

    struct limits {
        std::size_t bytes_max = 256 * 1024 * 1024; ///< of everything here; then the streams that were published to
                                                   ///< least recently lose their publications, at last also their place
    };

    /// `seed`: a number that no other store uses, in this process or after it: epochs are made of it.
    store(const limits& how, std::uint64_t seed);
    ~store();
    store(const store&) = delete;
    store& operator=(const store&) = delete;

    struct added {
        position at{};            ///< of the publication; where the stream stands, if it was not taken
        bool is_outdated = false; ///< a version of at least its number was there before: it is not taken
    };
    added add(std::string_view channel, const keeping& how, const draft& what, const version& of,
              clock::time_point now);

    /// Where the stream stands.
    position top(std::string_view channel, clock::time_point now);

    struct recovery {
        position top{};
        verdict said = verdict::recovered;
        shared_batch missed{}; ///< the oldest first; null: nothing
    };
    /// What a subscriber that comes back has missed.
    recovery recover(std::string_view channel, const last_seen& of_client, const page_limits& most,
                     clock::time_point now);
    /// The same where only the newest counts.
    recovery recover_newest(std::string_view channel, const last_seen& of_client, clock::time_point now);

    struct query {
        std::optional<last_seen> since{}; ///< after it, or before it if in reverse; none: from the end
        bool reverse = false;
        std::int64_t limit = 0; ///< 0: only where the stream stands; negative: as many as are given at once
    };
    enum class query_error : std::uint8_t { none, wrong_epoch, bad_offset };
    struct page {
        position top{};
        query_error why = query_error::none;
        shared_batch publications{}; ///< null: none
    };
    page history(std::string_view channel, const query& what, const page_limits& most, clock::time_point now);

    /// Forgets a channel's publications; offset and epoch stay.
    void forget(std::string_view channel);

    /// Frees what is too old, some of it at each call.
    void sweep(clock::time_point now, std::size_t streams_max);

    struct counts {
        std::size_t streams = 0;
        std::size_t publications = 0;
        std::size_t bytes = 0;
        std::uint64_t evicted_publications = 0; ///< because there was too much in all
        std::uint64_t evicted_streams = 0;
    };
    const counts& counted() const noexcept { return counts_; }

    /// Whether the books agree with each other. For tests; walks over everything.
    void check_invariants() const;

private:
    struct stream;
    struct by_name {
        using is_transparent = void;
        using is_avalanching = void;
        std::size_t operator()(const stream* of) const noexcept;
        std::size_t operator()(std::string_view name) const noexcept { return name_hash(name); }
    };
    struct same_name {
        using is_transparent = void;
        bool operator()(const stream* a, const stream* b) const noexcept { return a == b; }
        bool operator()(const stream* a, std::string_view b) const noexcept;
        bool operator()(std::string_view a, const stream* b) const noexcept { return (*this)(b, a); }
    };
    struct given {
        const stream* of = nullptr;
        std::uint64_t first = 0;
        std::uint64_t top = 0;
        streams::epoch epoch{};
        shared_batch what{};
    };

    stream* find(std::string_view channel, clock::time_point now);
    stream& make(std::string_view channel);
    void empty(stream& which);
    void erase(stream& which);
    bool take_version(stream& which, const version& of);
    void make_room();
    bool is_over(const stream& which, clock::time_point now) const noexcept;
    shared_batch oldest_first(const stream& of, std::size_t newest, std::size_t count);
    static std::size_t bytes_of(const stream& which) noexcept;

    limits limits_;
    std::uint64_t incarnation_; // epochs are of it
    streams::epoch current_;    // of streams that are not there, and of those that begin now
    boost::unordered_flat_set<stream*, by_name, same_name> by_name_;
    struct lists;
    std::unique_ptr<lists> lists_;
    std::array<given, 8> given_{}; // lately, to share them
    std::size_t next_given_ = 0;
    counts counts_;
};

} // namespace carillon::streams
