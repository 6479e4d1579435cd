#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>

namespace carillon::net {

/// Something that is done again and again, until stop(). Thread: the context's.
class pulse {
public:
    /// \param beat is called each time, and says how long it is until the next.
    pulse(boost::asio::io_context& context, std::function<std::chrono::milliseconds()> beat);

    /// The first beat, here and now.
    void start();

    /// No beat from now on, and the context has nothing of it to wait for.
    void stop();

private:
    void next();

    boost::asio::steady_timer timer_;
    std::function<std::chrono::milliseconds()> beat_;
    bool stopped_ = false;
};

} // namespace carillon::net
