#include "load/json.hpp"

#include "base/result.hpp"
#include "load/events.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <cmath>

namespace carillon::load {
namespace {

namespace json = boost::json;

// Boost.JSON writes every double with an exponent; whole numbers are easier to read, and from 1,000 on the rest of the
// digits says nothing.
json::value number(double value) {
    const bool whole = std::abs(value) < 1e15 && (std::abs(value) >= 1000 || value == std::trunc(value));
    return whole ? json::value(std::llround(value)) : json::value(value);
}

// What is a number or a flag in the command line is one here too.
json::value parameter_value(const parameter& of) {
    error_code failed;
    json::value value = json::parse(of.value, failed);
    const bool is_text = of.is_text || failed || !(value.is_number() || value.is_bool());
    return is_text ? json::value(of.value) : value;
}

json::object latency_object(const latencies& of) {
    return {{"count", of.count()},
            {"mean_ns", of.mean().count()},
            {"p50_ns", of.percentile(0.5).count()},
            {"p90_ns", of.percentile(0.9).count()},
            {"p99_ns", of.percentile(0.99).count()},
            {"p999_ns", of.percentile(0.999).count()},
            {"max_ns", of.max().count()}};
}

json::object events_object(const event_figures& of) {
    json::object object;
    if (of.expected != 0) object["expected"] = of.expected;
    object["counted"] = of.counted;
    object["failed"] = of.failed;
    object["length_ns"] = of.length.count();
    if (const auto rate = per_second(of)) object["per_second"] = number(*rate);
    if (of.server_cpu) object["server_cpu_ns"] = of.server_cpu->count();
    if (const auto each = server_cpu_each(of)) object["server_cpu_ns_each"] = each->count();
    if (of.latency.count() > 0) object["latency"] = latency_object(of.latency);
    return object;
}

json::object memory_object(const memory_figures& of) {
    json::object object{{"from_connections", of.from_connections},
                        {"to_connections", of.to_connections},
                        {"resident_bytes_from", of.resident_bytes_from},
                        {"resident_bytes_to", of.resident_bytes_to},
                        {"kernel_slab_bytes_from", of.kernel_slab_bytes_from},
                        {"kernel_slab_bytes_to", of.kernel_slab_bytes_to},
                        {"socket_bytes_from", of.socket_bytes_from},
                        {"socket_bytes_to", of.socket_bytes_to},
                        {"kernel_is_exact", of.kernel_is_exact}};
    if (const auto each = bytes_per_connection(of)) {
        object["bytes_per_connection"] =
            json::object{{"resident", number(each->resident)}, {"kernel", number(each->kernel)}};
    }
    return object;
}

json::object histogram_object(const named_events& of) {
    json::array bins;
    for (const latencies::bin& bin : of.figures.latency.bins())
        bins.push_back(json::object{{"from_ns", bin.from.count()}, {"to_ns", bin.to.count()}, {"count", bin.count}});
    return {{"of", of.name}, {"bins", std::move(bins)}};
}

} // namespace

std::string as_json(const outcome& of) {
    json::object parameters;
    for (const parameter& each : of.parameters) parameters[each.name] = parameter_value(each);
    json::object object{{"version", CARILLON_VERSION},
                        {"scene", of.scene},
                        {"target", of.target},
                        {"began", of.began},
                        {"length_ns", of.length.count()},
                        {"parameters", std::move(parameters)}};
    if (!of.trouble.empty()) object["trouble"] = of.trouble;
    if (of.interrupted) object["interrupted"] = true;
    for (const auto& [name, figures] : events_of(of)) object[name] = events_object(figures);
    if (of.memory) object["memory"] = memory_object(*of.memory);
    object["lost"] = of.lost;
    object["duplicated"] = of.duplicated;
    object["disordered"] = of.disordered;
    object["dropped"] = of.dropped;
    if (!of.dropped_why.empty()) object["dropped_why"] = of.dropped_why;
    object["load_generator_cpu_ns"] = of.load_generator_cpu.count();
    if (const auto main = main_events(of)) object["histogram"] = histogram_object(*main);
    return json::serialize(object);
}

} // namespace carillon::load
