#pragma once

#include "load/board.hpp"
#include "load/client.hpp"
#include "load/options.hpp"
#include "load/schedule.hpp"
#include "load/sockets.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace carillon::load {

/// What one worker is for.
struct worker_task {
    const options& what;
    endpoint where;
    std::uint32_t number; ///< of the worker
    std::uint32_t first;  ///< number of its first connection
    std::uint32_t count;  ///< its share of the connections
    std::uint32_t run;    ///< messages of this run are measured, those of warm_up_of(run) only counted
    board& figures;
    int orders; ///< socket that orders come from and answers go to
};

constexpr std::uint32_t warm_up_of(std::uint32_t run) noexcept { return run ^ 1; }

/// One share of the connections, in one epoll loop in a process of its own. Reads all sockets into one buffer, answers
/// pings, carries out one order at a time. Trouble with a connection is counted, and described on the board.
class worker {
public:
    /// Throws std::system_error without descriptors.
    explicit worker(const worker_task& task);
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;
    ~worker();

    /// Returns after the order to quit, or when the parent is gone.
    void run();

private:
    using slot = std::uint32_t;
    enum class verdict : bool { another_try, final };

    // worker.cpp: the loop
    void handle(std::uint64_t tag, std::uint32_t events);
    void handle_orders();
    void begin(const order& what);
    void do_what_is_due(clock::time_point now);
    clock::time_point next_wake(clock::time_point now) const;
    bool is_done(clock::time_point now) const;
    void finish_order();
    void report();

    // worker_connect.cpp: from nothing to live, and back
    void want(slot which, clock::time_point due);
    void open_some(clock::time_point now);
    void attempt(slot which, clock::time_point now);
    void look_at_limits(clock::time_point now);
    void connected(slot which);
    void upgraded(slot which, clock::time_point now);
    void become_live(slot which, clock::time_point now);
    void fail_connect(slot which, const error_code& why);
    void fail_attempt(slot which, std::string_view why, verdict hope);
    void ended(slot which, std::string_view why);
    void close_socket(client& whose);
    void leave(slot which);
    bool is_under_way(const client& whose) const noexcept;

    // worker_receive.cpp: bytes in, bytes out
    void read(slot which, bool until_end);
    bool take(slot which, std::string_view bytes, clock::time_point now);
    bool take_head(slot which, std::string_view& bytes, clock::time_point now);
    bool take_message(slot which, ws::opcode op, std::string_view payload, clock::time_point now);
    bool take_lines(slot which, std::string_view text, clock::time_point now);
    bool take_line(slot which, std::string_view line, clock::time_point now);
    bool take_plain(slot which, std::string_view text, clock::time_point now);
    void take_markers(slot which, std::string_view text, clock::time_point now);
    bool transmit(slot which, std::string_view bytes);
    bool transmit_rest(slot which);

    // worker_scenes.cpp: storm, churn, echo
    void storm(clock::time_point now);
    void churn(clock::time_point now);
    std::uint32_t at_rest() const noexcept {
        return task_.count - unsettled_ - static_cast<std::uint32_t>(counts_.given_up);
    }
    void echo_start(clock::time_point now);
    void echo_paced(clock::time_point now);
    bool send_command(slot which, clock::time_point due);
    bool take_reply(slot which, clock::time_point now);
    void forget_command(client& whose) noexcept;

    const worker_task task_;
    const std::string key_;
    const std::string accept_;
    const std::string pong_;
    descriptor poll_;
    std::vector<client> clients_;
    std::vector<char> buffer_;
    std::unordered_map<slot, std::string> heads_;  // answers to the upgrade that are not whole
    std::unordered_map<slot, std::string> unsent_; // what a socket did not take
    tally counts_;
    latencies handshakes_, deliveries_, round_trips_;
    payload_writer payload_;

    std::deque<slot> queue_;      // may be opened now
    std::uint32_t unsettled_ = 0; // neither live nor given up, and wanted
    std::uint32_t under_way_ = 0; // have a socket, and are not live
    std::uint64_t opened_ = 0;    // sockets ever
    clock::time_point next_look_{};
    bool succeeded_ = false; // at least once

    bool busy_ = false; // an order is being carried out
    order order_{};
    bool begun_ = false;           // storm, echo: its start has come
    schedule pace_;                // of connect, churn or echo
    std::uint64_t next_event_ = 0; // of `pace_`
    slot cursor_ = 0;              // churn: whose turn it is
    std::uint32_t awaited_ = 0;    // echo: commands under way
    std::uint64_t owed_ = 0;       // echo: due, but their connection has one under way
    bool quit_ = false;
};

} // namespace carillon::load
