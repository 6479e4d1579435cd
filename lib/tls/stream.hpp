#pragma once

#include "tls/certificates.hpp"
#include "tls/openssl.hpp"
#include "tls/trust.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace carillon::tls {

/// Where a stream's encrypted bytes come from and go to; it never waits. Both give a count of bytes, or the negative
/// errno: -EAGAIN when nothing can be done now. 0 from read(): the peer has ended its direction.
class wire {
public:
    virtual long read(std::span<std::byte> into) = 0;
    virtual long write(std::span<const std::byte> bytes) = 0;

protected:
    ~wire() = default;
};

/// One encrypted connection: OpenSSL between the owner and a wire. The handshake is a part of receive(). What has been
/// encrypted is not taken back: what the wire does not take of it waits here, at most a record and some messages of the
/// protocol itself, and goes before anything else. One thread at a time.
class stream {
public:
    /// Null if there is no memory.
    static std::unique_ptr<stream> accept(std::shared_ptr<const certificates> with);
    /// The other side: the first call of receive() begins the handshake. Null if there is no memory.
    static std::unique_ptr<stream> connect(const trust& with, const std::string& host);

    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;

    struct received {
        std::size_t bytes = 0;
        int error = 0;     ///< with no bytes only: EAGAIN, EPROTO, or the wire's; 0 and no bytes: the peer has ended
        bool more = false; ///< there may be more now: the wire has not said that it has nothing
    };
    /// Fills `into` as far as there is something.
    received receive(wire& from, std::span<std::byte> into);

    struct sent {
        std::size_t bytes = 0; ///< that are not the caller's any more
        int error = 0;         ///< with no bytes only: EAGAIN or the wire's
    };
    /// Encrypts as much as the wire takes, and a part of a record more. Only once the handshake is over.
    sent send(wire& to, std::span<const std::byte> bytes);
    /// Sends what waits here; the error as in send(), 0 when nothing waits any more.
    int flush(wire& to);
    /// Says that nothing follows (close_notify), unless that has been said or the stream has failed.
    void finish(wire& to);

    bool established() const noexcept { return established_; }
    bool has_unsent() const noexcept { return !unsent_.empty(); }
    /// Resumed by a ticket, without a signature.
    bool resumed() const noexcept { return SSL_session_reused(ssl_.get()) == 1; }
    /// After a failure of the protocol (EPROTO): why, in OpenSSL's words; empty if it has none.
    std::string failure() const;
    /// Whether it was the peer's certificate.
    bool is_doubted() const noexcept { return SSL_get_verify_result(ssl_.get()) != X509_V_OK; }
    /// "TLSv1.3"
    const char* version() const noexcept { return SSL_get_version(ssl_.get()); }

    /// Encrypted bytes that may wait; a peer that makes the protocol answer and takes no answer is given up.
    static constexpr std::size_t unsent_bytes_max = 256 * 1024;

private:
    friend struct wire_bio;

    explicit stream(std::shared_ptr<const certificates> with) : with_{std::move(with)} {}
    static std::unique_ptr<stream> over(owned_ssl ssl, std::shared_ptr<const certificates> with);
    int read_wire(std::span<std::byte> into);
    bool write_wire(std::span<const std::byte> bytes);
    received failed(wire& to, int why, std::size_t bytes);

    owned_ssl ssl_;
    std::shared_ptr<const certificates> with_; // until the handshake is over
    wire* wire_ = nullptr;                     // during a call
    std::string unsent_;
    int wire_error_ = 0;
    std::uint8_t reads_left_ = 0;
    bool dry_ : 1 = false;        // the wire has nothing now
    bool wire_ended_ : 1 = false; // the peer has ended its direction of the wire
    bool established_ : 1 = false;
    bool failed_ : 1 = false;
    bool finished_ : 1 = false;
    bool heard_ : 1 = false;       // something has come
    bool speaks_resp_ : 1 = false; // it began as a command to a Redis does
    std::uint16_t reason_ = 0;     // OpenSSL's, of TLS
};

} // namespace carillon::tls
