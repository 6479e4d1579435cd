#pragma once

#include "api/reply.hpp"
#include "api/request.hpp"
#include "channels/rules.hpp"
#include "config/settings.hpp"
#include "control/api_route.hpp"
#include "nodes/exchange.hpp"
#include "orders/courier.hpp"
#include "shards/shard.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace carillon::orders {

/// Carries out what the server API is asked for: publications on the home shard of their channel, questions on all
/// shards. Thread: the control plane's.
class server_api final : public control::api_backend {
public:
    /// `shards` may be filled later, before the first command.
    server_api(boost::asio::io_context& control, const std::vector<std::unique_ptr<shards::shard>>& shards,
               const config::settings& how);

    /// The node's name, and what no other run of it is called.
    void be_called(std::string name, std::string boot) {
        name_ = std::move(name);
        uid_ = std::move(boot);
    }

    /// From now on its namespaces.
    void use_rules(const config::settings& how) {
        rules_ = channels::rules::of(how.namespaces, how.dev, how.client_channel_bytes_max);
    }

    /// Other gateways share its bus: what concerns users and connections is for all of them. `bytes_max`: of an answer
    /// between them.
    void join(nodes::exchange& with, std::size_t bytes_max) {
        nodes_ = &with;
        node_bytes_max_ = bytes_max;
    }
    /// The shards have ended: nobody waits for them any more.
    void stop() { courier_.stop(); }

    /// What another one asks.
    boost::asio::awaitable<api::reply> carry_out_for_node(api::command what);

    boost::asio::awaitable<std::vector<api::reply>> carry_out(std::vector<api::command> commands,
                                                              bool parallel) override;

private:
    class bundle;

    std::size_t home_of(std::string_view channel) const;
    std::variant<bool, api::error> kind_of(const api::command& command) const;

    boost::asio::awaitable<api::reply> ask(const api::command& what);
    boost::asio::awaitable<api::reply> ask_home(const api::command& what);
    boost::asio::awaitable<api::reply> list_channels(const api::channels_request& asked);
    boost::asio::awaitable<api::reply> describe_node();
    boost::asio::awaitable<std::optional<std::uint64_t>> count_users();
    boost::asio::awaitable<api::reply> list_connections(const api::connections_request& asked);
    boost::asio::awaitable<api::reply> order_users(const api::command& what);
    boost::asio::awaitable<api::reply> order_here(const api::command& what);

    // server_api_nodes.cpp: on all gateways
    boost::asio::awaitable<nodes::exchange::tally> ask_nodes(api::command what, std::string uid);
    boost::asio::awaitable<api::reply> order_everywhere(const api::command& what);
    boost::asio::awaitable<api::reply> describe_everybody();
    boost::asio::awaitable<api::reply> list_channels_everywhere(api::channels_request asked);
    boost::asio::awaitable<api::reply> list_connections_everywhere(api::connections_request asked);
    boost::asio::awaitable<api::reply> list_connections_of(std::string uid, api::connections_request asked);
    boost::asio::awaitable<std::optional<std::string>> node_after(std::string uid);
    bool can_be_ordered(const api::command& what) const;

    boost::asio::io_context* context_;
    const std::vector<std::unique_ptr<shards::shard>>* shards_;
    std::size_t channel_bytes_max_;
    std::size_t payload_bytes_max_;
    std::size_t channels_max_;
    std::size_t connections_max_;
    std::chrono::milliseconds patience_;
    courier courier_;
    bool takes_wishes_;
    channels::rules rules_;
    std::string uid_;
    std::string name_;
    std::chrono::steady_clock::time_point started_;
    nodes::exchange* nodes_ = nullptr; // null: this is the only one
    std::size_t node_bytes_max_ = 0;
};

} // namespace carillon::orders
