#include "supervisor/commands/server_trouble.h"

namespace e2k::supervisor {

const char* broker_complaint(Trouble trouble) {
  switch (trouble) {
    case Trouble::none:
    case Trouble::unreachable:
    case Trouble::silent:
    case Trouble::odd:
      return "none answers at";
    case Trouble::unresolved:
      return "no address is known of";
    case Trouble::protocol:
      return "another protocol is spoken at";
    case Trouble::tls:
      return "TLS fails at";
    case Trouble::login:
      return "the login is refused at";
    case Trouble::not_allowed:
      return "asking is refused at";
  }
  return "";
}

const char* broker_remedy(Trouble trouble) {
  switch (trouble) {
    case Trouble::none:
      return "";
    case Trouble::unreachable:
    case Trouble::odd:
      return "start them, let this machine through their firewall, or correct bootstrap.servers";
    case Trouble::silent:
      return "are they starting, overloaded or stopped, does a firewall drop what is sent to them, and is it "
             "Kafka that listens there, with the security.protocol that is set?";
    case Trouble::unresolved:
      return "correct bootstrap.servers, or make the name known to this machine (getent hosts NAME)";
    case Trouble::protocol:
      return "set security.protocol to what that port speaks (plaintext, ssl, sasl_plaintext, sasl_ssl)";
    case Trouble::tls:
      return "check security.protocol, ssl.ca.location (the CA of the brokers' certificates) and this "
             "client's "
             "certificate and key";
    case Trouble::login:
      return "correct sasl.mechanism, sasl.username and sasl.password";
    case Trouble::not_allowed:
      return "let this user describe the cluster's topics";
  }
  return "";
}

}  // namespace e2k::supervisor
