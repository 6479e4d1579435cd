#pragma once

#include "hub/subscriber.hpp"
#include "streams/position.hpp"
#include "streams/publication.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::ledger {

/// What travels on a bus outside in place of a bare payload, where there is more to say: where it stands in the
/// channel's stream, who has published it, that somebody has come or gone. Its first byte is in no JSON and in no text,
/// so a payload cannot be taken for one.
struct envelope {
    hub::publication::kind what = hub::publication::kind::message;
    streams::position at{};     ///< no offset: in no stream
    streams::draft published{}; ///< of a coming or going, the payload is ClientInfo as JSON
    bool is_untold = false;     ///< whether the payload is JSON: settle() looks

    hub::publication view() const noexcept {
        return {published.payload, published.is_json, published.info, published.tags, at.offset, at.epoch.view(), what};
    }
};

/// What an envelope has beside its payload, its info and its tags, at most.
inline constexpr std::size_t envelope_overhead_bytes = 96;
/// Info and tags together; more is not published.
inline constexpr std::size_t remarks_bytes_max = 64 * 1024 - envelope_overhead_bytes;

/// All of it but where it stands, which the bus says: what a stream keeps.
std::string body_of(const streams::draft& what, hub::publication::kind kind = hub::publication::kind::message);
/// Of something that stands in no stream.
std::string envelope_of(std::string_view body);

bool is_envelope(std::string_view bytes) noexcept;
/// Empty: it is none that we understand. Views into `bytes`.
std::optional<envelope> open_envelope(std::string_view bytes) noexcept;
std::optional<envelope> open_body(std::string_view body) noexcept;
/// Whether clients can be told it: whoever may write at the server may have put it there. Reads all of it, and finds
/// out whether a payload is JSON of which that is not told.
bool settle(envelope& what);

} // namespace carillon::ledger
