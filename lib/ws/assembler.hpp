#pragma once

#include "ws/close.hpp"
#include "ws/error.hpp"
#include "ws/frame.hpp"
#include "ws/inflater.hpp"
#include "ws/padded_buffer.hpp"
#include "ws/utf8.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace carillon::ws {

/// What one message may cost, and whether it may be compressed.
struct message_limits {
    std::size_t message_bytes_max = 65536; ///< all fragments together; a header that goes beyond fails with 1009
    /// For compressed messages, whose limit is that of what they come to. Null: compression was not agreed upon.
    /// Outlives the assembler.
    inflater* inflating = nullptr;
};

/// What the bytes said. `payload` is unmasked and may be changed; it is valid until the next call of `next`, until the
/// assembler is moved or destroyed, and until the memory of the input is used again; that of a message that came
/// compressed, until the inflater is used again.
struct event {
    enum class kind : std::uint8_t {
        none,    ///< the input is consumed, more is needed
        message, ///< a whole message: `op` is text or binary, `payload` all of it; text is valid UTF-8
        ping,    ///< `payload`, at most 125 bytes, goes into the pong
        pong,    ///< `payload` as the peer wrote it
        close,   ///< `close_code` is the peer's, 1005 when it gave none; `payload` is the reason, valid UTF-8
        failed,  ///< the peer broke a rule: `why`; `close_code` is the answer it gets, 1002, 1007 or 1009
    };

    kind what = kind::none;
    opcode op = opcode::continuation; ///< of the frame, of the first one of a fragmented message; continuation when
                                      ///< none or failed
    std::uint16_t close_code = 0;
    error why = error::none;
    std::span<std::byte> payload{};
    std::size_t deflated_bytes = 0; ///< of a message that came compressed: what it took on the wire
};

/// Turns a byte stream into messages (RFC 6455 §5.4, §5.5). Needs no memory between messages: make one on the stack for
/// a burst of bytes, call `next` until it gives none, close or failed, and keep the assembler only if it is not `idle`
/// then.
///
/// A message that lies in the input in one frame is given as a view into the input, nothing is copied; what may be read
/// behind it is the caller's to know. Anything else is gathered in memory that grows with the bytes that have arrived,
/// never with what a header announces, and is given back on the next call; at least `padded_buffer::padding_bytes`
/// readable bytes follow a payload there. Text is validated as it arrives, so a bad byte fails the message before its
/// end. Not to be shared between threads.
class assembler {
public:
    assembler(role reader, message_limits limits) noexcept
        : message_bytes_max_{limits.message_bytes_max}, inflating_{limits.inflating}, reader_{reader} {}

    assembler(assembler&&) noexcept = default;
    assembler& operator=(assembler&&) noexcept = default;
    ~assembler() = default;

    /// Consumes bytes from the front of `input`, at most up to the end of the event it returns; unmasks them where they
    /// lie. None, close and failed consume all of it. After close or failed every call gives none. Throws nothing but
    /// std::bad_alloc.
    event next(std::span<std::byte>& input);

    /// Between messages with nothing kept and the stream not ended: this assembler may be destroyed and a new one used
    /// for the next bytes. A payload given before dies with it.
    bool idle() const noexcept { return stage_ == stage::header && kept_bytes_ == 0 && !open_message_; }

    /// Bytes kept of a message or a header that has come in part.
    std::size_t kept_bytes() const noexcept { return message_.size() + kept_bytes_; }

    /// A close or failed event was given: nothing more will come.
    bool finished() const noexcept { return stage_ == stage::finished; }

private:
    enum class stage : std::uint8_t { header, payload, finished };

    // Each step takes what it can from the input. Empty: the step is done, go on with the next one.
    std::optional<event> read_header(std::span<std::byte>& input);
    std::optional<event> read_control(std::span<std::byte>& input);
    std::optional<event> read_data(std::span<std::byte>& input);

    error begin_frame() noexcept;
    std::size_t wire_bytes_max() const noexcept;
    event end_deflated(opcode op, std::span<std::byte> gathered, std::span<std::byte>& input);
    event end_control(std::span<std::byte> payload, std::span<std::byte>& input);
    event end_stream_by_close(std::span<std::byte> payload, std::span<std::byte>& input);
    event fail(error why, std::span<std::byte>& input) noexcept;

    std::size_t message_bytes_max_;
    inflater* inflating_;
    padded_buffer message_;              // what has arrived of the message that could not be given as a view
    frame_header frame_;                 // of the frame whose payload is read
    std::uint64_t frame_read_{};         // bytes of its payload that were consumed
    std::optional<opcode> open_message_; // a first fragment came, the last one has not
    utf8_validator utf8_;                // of the text in message_
    role reader_;
    bool deflated_ = false; // the message that is read, or was read last
    stage stage_ = stage::header;
    std::uint8_t kept_bytes_ = 0;
    // A header, or the payload of a control frame, that came in pieces. Left uninitialised: an assembler is made per
    // burst.
    std::array<std::byte, control_payload_bytes_max> kept_;
};

static_assert(header_bytes_max <= control_payload_bytes_max);

} // namespace carillon::ws
