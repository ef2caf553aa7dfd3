#include "supervisor/ctl/watch_commands.h"

#include <memory>

#include "supervisor/ctl/doctor.h"
#include "supervisor/ctl/events.h"
#include "supervisor/ctl/lists.h"
#include "supervisor/ctl/top.h"
#include "supervisor/ctl/why.h"

namespace e2k::supervisor::ctl {
namespace {

void add_channels(CLI::App& app, const WatchCommandContext& context) {
  CLI::App* verb = app.add_subcommand("channels", "a row for each entry");
  auto filter = std::make_shared<ChannelsFilter>();  // shared: by the callbacks that CLI11 copies
  verb->add_option("--state", filter->states, "in this state, or one of several: A,B")
      ->allow_extra_args(false);
  verb->add_option("--worker", filter->worker, "slot of the worker");
  verb->add_option("--prefix", filter->prefix, "beginning of the channel's name");
  verb->add_option("--topic", filter->topic, "the output topic, as commanded");
  verb->add_option("--host", filter->host, "the IOC's address, with or without port");
  verb->add_option("--older-than", filter->older_than_s, "without an event for so many seconds")
      ->check(CLI::NonNegativeNumber);
  verb->add_flag("--lost", filter->lost, "those that lost events");
  verb->add_option("--sort", filter->sort, "by this column: texts from a to z, the largest figures first");
  verb->add_option("--limit", filter->limit, "rows at most; with --sort 1000 where not given");
  context.add_watch(verb);
  verb->callback([context, filter] {
    context.choose([context, filter] {
      return context.run([&](const Client& c, const Output& o) { return show_channels(c, *filter, o); });
    });
  });
}

void add_topics(CLI::App& app, const WatchCommandContext& context) {
  CLI::App* verb = app.add_subcommand("topics", "a row for each output topic");
  context.add_watch(verb);
  auto topics = std::make_shared<TopicsVerb>();
  verb->callback([context, topics] {
    context.choose([context, topics] {
      return context.run([&](const Client& c, const Output& o) { return topics->show(c, o); });
    });
  });
}

void add_hosts(CLI::App& app, const WatchCommandContext& context) {
  CLI::App* verb = app.add_subcommand("hosts", "a row for each IOC");
  context.add_watch(verb);
  verb->callback([context] { context.choose([context] { return context.run(show_hosts); }); });
}

void add_why(CLI::App& app, const WatchCommandContext& context) {
  CLI::App* verb = app.add_subcommand("why", "how far a channel's events get, and what is broken first");
  auto name = std::make_shared<std::string>();
  verb->add_option("NAME", *name, "the channel")->required();
  context.add_watch(verb);
  verb->callback([context, name] {
    context.choose([context, name] {
      return context.run([&](const Client& c, const Output& o) { return show_why(c, *name, o); });
    });
  });
}

void add_doctor(CLI::App& app, const WatchCommandContext& context) {
  CLI::App* verb = app.add_subcommand("doctor", "looks at everything that the service depends on");
  auto request = std::make_shared<DoctorRequest>();
  verb->add_option("--config", request->configuration,
                   "the service's configuration; none: that of the one that runs");
  verb->callback([context, request] {
    context.choose([context, request] {
      request->instance = context.instance();
      return context.run(
          [&](const Client& c, const Output& o) { return examine(c, *request, context.environment, o); });
    });
  });
}

void add_top(CLI::App& app, const WatchCommandContext& context) {
  CLI::App* verb = app.add_subcommand("top", "rates, workers, IOCs and what is not connected, until q");
  auto request = std::make_shared<TopRequest>();
  verb->add_option("--interval", request->interval_s, "seconds between two looks")
      ->check(CLI::Range(0.1, 86400.0))
      ->capture_default_str();
  verb->add_option("--count", request->count, "so many screens, or lines where there is no terminal");
  verb->callback([context, request] {
    context.choose([context, request] {
      return context.run(
          [&](const Client& c, const Output& o) { return show_top(c, *request, context.on_terminal(), o); });
    });
  });
}

void add_events(CLI::App& app, const WatchCommandContext& context) {
  CLI::App* verb = app.add_subcommand("events", "what stands, and a line for each change");
  auto follow = std::make_shared<bool>(false);
  verb->add_flag("--follow", *follow, "go on with what changes, until Ctrl-C");
  verb->callback([context, follow] {
    context.choose([context, follow] {
      return context.run([&](const Client& c, const Output& o) { return show_events(c, *follow, o); });
    });
  });
}

}  // namespace

void add_watch_commands(CLI::App& app, const WatchCommandContext& context) {
  add_channels(app, context);
  add_topics(app, context);
  add_hosts(app, context);
  add_why(app, context);
  add_doctor(app, context);
  add_top(app, context);
  add_events(app, context);
}

}  // namespace e2k::supervisor::ctl
