#include "house/dashboards.hpp"

#include "house/documents.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <iterator>
#include <map>
#include <regex>
#include <utility>
#include <vector>

namespace carillon::house {

namespace json = boost::json;

namespace {

constexpr std::int64_t columns_of_a_dashboard = 24; // Grafana's

struct panel {
    std::string title;
    bool is_row = false;
    std::int64_t id = 0, left = 0, top = 0, width = 0, height = 0;
    std::vector<std::pair<std::string, std::string>> queries; ///< refId and expression
};

// The member, or null where there is none.
const json::value& member(const json::value& of, std::string_view name) {
    static const json::value nothing;
    const auto* const object = of.if_object();
    const auto* const found = object ? object->if_contains(name) : nullptr;
    return found ? *found : nothing;
}

std::int64_t number(const json::value& of, std::string_view name) {
    const auto* const found = member(of, name).if_int64();
    return found ? *found : 0;
}

std::string text(const json::value& of, std::string_view name) {
    const auto* const found = member(of, name).if_string();
    return found ? std::string{found->data(), found->size()} : std::string{};
}

std::vector<panel> panels_of(const json::value& dashboard) {
    std::vector<panel> panels;
    const auto* const all = member(dashboard, "panels").if_array();
    if (all == nullptr) return panels;
    for (const json::value& each : *all) {
        const json::value& place = member(each, "gridPos");
        auto& read = panels.emplace_back(panel{text(each, "title"),
                                               text(each, "type") == "row",
                                               number(each, "id"),
                                               number(place, "x"),
                                               number(place, "y"),
                                               number(place, "w"),
                                               number(place, "h"),
                                               {}});
        if (const auto* const targets = member(each, "targets").if_array()) {
            for (const json::value& target : *targets)
                read.queries.emplace_back(text(target, "refId"), text(target, "expr"));
        }
    }
    return panels;
}

bool overlap(const panel& one, const panel& other) {
    return one.left < other.left + other.width && other.left < one.left + one.width &&
           one.top < other.top + other.height && other.top < one.top + one.height;
}

std::size_t matches(const std::string& expression, const std::regex& pattern) {
    return static_cast<std::size_t>(
        std::distance(std::sregex_iterator{expression.begin(), expression.end(), pattern}, std::sregex_iterator{}));
}

void check_query(const std::string& where, const std::string& expression, complaints& found) {
    static const std::regex metric{R"(\b(?:carillon|process)_\w+)"};
    static const std::regex of_the_gateway{R"re(\b(?:carillon|process)_\w+\{[^}]*instance=~"\$instance")re"};
    static const std::regex counter{R"(\b(?:carillon|process)_\w+_(?:total|bucket)\b)"};
    static const std::regex rate{
        R"(\brate\((?:carillon|process)_\w+_(?:total|bucket)\{[^}]*\}\[\$__rate_interval\]\))"};
    static const std::regex any_rate{R"(\brate\()"};
    if (matches(expression, metric) == 0) found.push_back(where + ": no metric in '" + expression + "'");
    if (matches(expression, metric) != matches(expression, of_the_gateway))
        found.push_back(where + ": not only of the gateway that was chosen: " + expression);
    if (matches(expression, counter) != matches(expression, rate))
        found.push_back(where + ": a counter without rate(...[$__rate_interval]): " + expression);
    if (matches(expression, any_rate) != matches(expression, rate))
        found.push_back(where + ": the rate of what is no counter: " + expression);
}

} // namespace

complaints check_dashboard(const source_file& file) {
    boost::system::error_code why;
    const json::value dashboard = json::parse(file.text, why);
    if (why) return {file.path + ": " + why.message()};
    const std::vector<panel> panels = panels_of(dashboard);
    if (panels.empty()) return {file.path + ": no panels"};
    complaints found;
    std::map<std::int64_t, std::string> titles;
    for (std::size_t i = 0; i < panels.size(); ++i) {
        const panel& each = panels[i];
        const std::string where = file.path + ": panel " + std::to_string(each.id) + " (" + each.title + ")";
        if (each.title.empty()) found.push_back(where + ": no title");
        if (!titles.emplace(each.id, each.title).second) found.push_back(where + ": the id of another");
        if (each.width < 1 || each.height < 1 || each.left < 0 || each.left + each.width > columns_of_a_dashboard)
            found.push_back(where + ": not inside of the width");
        for (std::size_t other = 0; other < i; ++other) {
            if (overlap(each, panels[other])) found.push_back(where + ": over panel '" + panels[other].title + "'");
        }
        if (each.queries.empty() != each.is_row) found.push_back(where + ": rows have no queries, others have");
        std::set<std::string> references;
        for (const auto& [reference, expression] : each.queries) {
            if (!references.insert(reference).second) found.push_back(where + ": two queries " + reference);
            check_query(where, expression, found);
        }
    }
    return found;
}

std::set<std::string> metrics_shown_by(const source_file& file) {
    boost::system::error_code why;
    const json::value dashboard = json::parse(file.text, why);
    std::set<std::string> names;
    if (why) return names;
    for (const panel& each : panels_of(dashboard)) {
        for (const auto& [reference, expression] : each.queries) names.merge(metrics_named_in(expression));
    }
    return names;
}

std::set<std::string> alerts_in(std::string_view rules) {
    static const std::regex alert{R"(- alert: (\w+))"};
    std::set<std::string> names;
    for (std::cregex_iterator at{rules.data(), rules.data() + rules.size(), alert}, end; at != end; ++at)
        names.insert((*at)[1].str());
    return names;
}

std::set<std::string> alerts_named_in(std::string_view document) {
    static const std::regex alert{R"(`(Carillon[A-Z]\w+)`)"};
    std::set<std::string> names;
    for (std::cregex_iterator at{document.data(), document.data() + document.size(), alert}, end; at != end; ++at)
        names.insert((*at)[1].str());
    return names;
}

} // namespace carillon::house
