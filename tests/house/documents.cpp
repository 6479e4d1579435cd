#include "house/documents.hpp"

#include <filesystem>
#include <regex>

namespace carillon::house {

namespace {

template <class Visit>
void each_match(std::string_view text, const std::regex& pattern, Visit&& visit) {
    for (std::cregex_iterator at{text.data(), text.data() + text.size(), pattern}, end; at != end; ++at) visit(*at);
}

} // namespace

std::set<std::string> exposed_metrics(std::string_view definitions, std::string_view expose) {
    // A type may have its own comma: LABELLED_COUNTER(by<kind, int>, member, ...
    static const std::regex plain{R"((?:^|\n)(COUNTER|GAUGE|HISTOGRAM)\((\w+),)"};
    static const std::regex labelled{R"((?:^|\n)LABELLED_(COUNTER|GAUGE)\(\w+(?:<[^>]*>)?, (\w+),)"};
    static const std::regex spelled{R"re("((?:carillon|process)_\w+)")re"};
    std::set<std::string> names;
    const auto add = [&](const std::cmatch& match) {
        const std::string kind = match[1].str(), name = "carillon_" + match[2].str();
        if (kind == "COUNTER") names.insert(name + "_total");
        if (kind == "GAUGE") names.insert(name);
        if (kind == "HISTOGRAM") {
            for (const char* part : {"_seconds_bucket", "_seconds_sum", "_seconds_count"}) names.insert(name + part);
        }
    };
    each_match(definitions, plain, add);
    each_match(definitions, labelled, add);
    each_match(expose, spelled, [&](const std::cmatch& match) {
        // Those that end in '_' are the beginnings that the macros complete.
        const std::string name = match[1].str();
        if (name.ends_with("_duration_seconds")) { // a histogram
            for (const char* part : {"_bucket", "_sum", "_count"}) names.insert(name + part);
        } else if (!name.ends_with('_')) {
            names.insert(name);
        }
    });
    return names;
}

std::set<std::string> metrics_named_in(std::string_view text) {
    static const std::regex name{R"((?:^|[^\w])((?:carillon|process)_\w+))"};
    std::set<std::string> names;
    each_match(text, name, [&](const std::cmatch& match) { names.insert(match[1].str()); });
    return names;
}

complaints check_metrics(const source_file& file, const std::set<std::string>& exposed) {
    complaints found;
    for (const std::string& name : metrics_named_in(file.text)) {
        if (!exposed.contains(name)) found.push_back(file.path + ": " + name + " is not exposed");
    }
    return found;
}

complaints check_links(const source_file& file, const std::function<bool(const std::string&)>& exists) {
    static const std::regex link{R"(\]\(([^)#\s]+)(?:#[^)]*)?\))"};
    complaints found;
    each_match(file.text, link, [&](const std::cmatch& match) {
        const std::string target = match[1].str();
        if (target.find(':') != std::string::npos) return; // another site
        const auto path = (std::filesystem::path{file.path}.parent_path() / target).lexically_normal().generic_string();
        if (!exists(path)) found.push_back(file.path + ": a link to " + target + ", which does not exist");
    });
    return found;
}

} // namespace carillon::house
