#pragma once

#include "resp/line.hpp"
#include "resp/outcome.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::resp {

/// What one command of a client may cost. A connection that goes beyond is told the error and closed.
struct command_limits {
    std::size_t arguments_max = std::size_t{1024} * 1024; // the command's name included; Redis before 7 allowed as many
    std::size_t bulk_bytes_max = 65536;                   // one argument
    std::size_t inline_bytes_max = 65536; // one line without its LF: an inline command, or a count (as Redis)
    std::size_t command_bytes_max = std::size_t{1024} * 1024; // all bytes of one command as they are on the wire
};

/// Whether the peer has said who it is. Before that a command may have 10 arguments of 16 KiB each, as at Redis.
enum class login : std::uint8_t { done, missing };

/// A command: its name, then its arguments, as views.
using arguments = std::span<const std::string_view>;

/// Reads the commands that clients send to a server: arrays of bulk strings, and inline commands as people type them.
///
/// Behaves as Redis 7 (networking.c), its error sentences included, with these differences: CR LF is demanded where
/// Redis skips two bytes unseen, since a client that miscounts would have its payload run as commands; a NUL is a byte
/// like any other, where Redis waits for ever; limits do not depend on how the bytes happen to arrive.
///
/// Bytes are looked at once, however many pieces they arrive in. Commands of up to 256 arguments allocate nothing once
/// the parser is warm; memory taken for longer ones is given back by reset(), or when the next command starts. A count
/// or length alone allocates nothing: memory follows the bytes that arrived.
class command_parser {
public:
    /// What next() found.
    struct step {
        outcome what{};
        /// When complete: name and arguments; empty for an empty line, "*0" and "*-1", which get no reply. Views into
        /// the buffer, or into the parser for inline commands; valid until the buffer changes or the parser is called
        /// again.
        arguments args{};
        std::size_t consumed{}; ///< when complete: bytes to drop from the start of the buffer; otherwise 0
        std::size_t needed{};   ///< when more is needed: no buffer smaller than this can complete the command
        /// When failed: Redis' sentence, to be sent after "-ERR "; valid until the parser is called again.
        std::string_view error{};
        error_code code{}; ///< when failed: the same as a value
    };

    explicit command_parser(command_limits limits = {});

    /// Reads the command at the start of `buffer`. After need_more the parser remembers its progress, and the caller
    /// promises to call again with the same bytes followed by more; they may have moved in memory. After complete the
    /// next call starts a new command; after failed every call fails in the same way until reset(). `peer` is how it
    /// stands now.
    step next(std::string_view buffer, login peer = login::done);

    /// Forgets the command that was begun.
    void reset() noexcept;

private:
    step next_multibulk(std::string_view buffer);
    step next_inline(std::string_view buffer);
    line read_header(std::string_view buffer, error too_long) noexcept;
    step read_count(std::string_view buffer);
    step read_argument(std::string_view buffer);
    step more(std::size_t needed) const noexcept;
    step fail(error why, char got = ' ') noexcept;
    step failure() const noexcept;
    step complete(std::string_view source, std::size_t consumed);
    void check_invariants() const;

    command_limits limits_;
    std::size_t position_ = 0;  // everything before has been understood
    std::size_t scanned_ = 0;   // everything before has been searched for the end of the current line
    std::size_t arguments_ = 0; // arguments still to come
    bool has_count_ = false;    // the line "*N" has been read
    bool finished_ = false;     // the next call starts anew
    login peer_ = login::done;
    error why_{}; // not 0 once the stream is lost
    std::vector<place> places_;
    std::vector<std::string_view> views_;
    std::string scratch_;                  // inline commands without their quotes and escapes
    std::array<char, 48> expected_text_{}; // the sentence of error::expected_bulk with the byte it got
    std::size_t expected_bytes_ = 0;
};

} // namespace carillon::resp
