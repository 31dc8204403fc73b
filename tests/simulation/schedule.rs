//! What a seed makes of a run: the clients, what their applications do, and what goes wrong.

use std::collections::BTreeMap;

use ably_auth::connection::ConnectionInput;
use ably_auth::options::{AuthOptions, ClientOptions};
use ably_auth::sandbox::{Effect, Fault, Trigger};
use ably_auth::session::Command;
use ably_auth::trace::Input;
use ably_auth::wire::{Error, ProtocolMessage, TokenParams, TokenRevocationTargetSpecifier, action};
use ably_auth::{ConnectionState, ErrorKind, Event, RestRequest, Revocation};

use crate::client::{Broken, Client, Sabotage, Wish};
use crate::network::{Refusing, Weather};
use crate::random::Random;
use crate::world::{Happening, World};
use crate::{MINUTE, SECOND, SETTLING};

/// What an application's own server answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AppServer {
    SignsRequests,
    IssuesDetails,
    IssuesText,
}

/// How the applications' own servers feel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallbackMood {
    Good,
    Fails,
    Forbids,
    NeverAnswers,
    Garbage,
    Late,
    WrongClient,
}

impl CallbackMood {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Good => "callback good",
            Self::Fails => "callback fails",
            Self::Forbids => "callback forbids",
            Self::NeverAnswers => "callback never answers",
            Self::Garbage => "callback answers garbage",
            Self::Late => "callback answers late",
            Self::WrongClient => "callback issues for somebody else",
        }
    }
}

/// Something that goes wrong. Numbers are durations in milliseconds.
#[derive(Clone)]
pub(crate) enum Mishap {
    Slow(u64),
    Lossy(u64),
    Doubling(u64),
    Refusing(Refusing, u64),
    /// Whether the client is told that there is no network, and later that there is.
    Partition {
        client: usize,
        lasts: u64,
        is_told: bool,
    },
    HalfOpen(usize),
    Restart {
        forgets: bool,
    },
    WallJump(usize, i64),
    /// Whether the monotonic clock stands meanwhile.
    Sleep {
        client: usize,
        lasts: u64,
        mono_stands: bool,
    },
    /// The machine is awake again.
    Awake {
        client: usize,
        slept: u64,
        mono_stands: bool,
    },
    Mood(CallbackMood, u64),
    Inject(Fault),
    /// The service sends DISCONNECTED to everybody.
    Disconnect,
    /// The service asks everybody for another token.
    Reauth,
    /// The application cancels its newest operation.
    CancelNewest(usize),
}

/// What the service says of a token that is somebody else's (40102), or that is none (40400: half of a JWT).
const REFUSED_CREDENTIALS: [u32; 3] = [40101, 40102, 40400];

/// Every kind of fault: each has to happen now and then.
pub(crate) const FAULTS: &[&str] = &[
    "slow",
    "lost",
    "lost in a partition",
    "answered twice",
    "connection refused",
    "partition told",
    "partition untold",
    "half-open socket",
    "service restarted",
    "service lost its memory",
    "wall clock jumped ahead",
    "wall clock jumped back",
    "machine slept",
    "machine slept, and its monotonic clock too",
    "callback fails",
    "callback forbids",
    "callback never answers",
    "callback answers garbage",
    "callback answers late",
    "callback issues for somebody else",
    "service disconnects",
    "service asks for another token",
    "service: delay",
    "service: drop",
    "service: hang",
    "service: refuse",
    "service: disconnect",
    "service: status",
    "service: contentType",
    "service: malformed",
    "service: cut",
    "service: skew",
    "service: replay",
];

/// Makes a world out of a seed.
pub(crate) fn build(seed: u64, sabotage: Sabotage, recorded: bool) -> World {
    let mut random = Random::new(seed);
    // The seeds 0, 1, 2... are close to each other; what follows from them is not.
    random.next();
    let mut world = World::new(random);
    let clients = usize::try_from(world.random.between(1, 4)).unwrap();
    world.weather =
        Weather { usual_latency: world.random.between(40, 300), cut_until: vec![0; clients], ..Weather::default() };
    let brief_tokens = world.random.percent(5);
    let lasts = world.random.between(2 * MINUTE, 6 * MINUTE);
    for client in 0..clients {
        let (options, app_server) = client_options(&mut world, brief_tokens);
        let wall_error = world.random.signed(40_000);
        let session_seed = world.random.bytes();
        world.clients.push(Client::new(options, session_seed, wall_error, sabotage, recorded));
        world.app_servers.push(app_server);
        world.at(0, Happening::Give(client, Input::Connect));
        for _ in 0..world.random.between(3, 25) {
            let at = world.random.between(0, lasts);
            let happening = application(&mut world.random, client, brief_tokens);
            world.at(at, happening);
        }
    }
    for _ in 0..world.random.between(2, 20) {
        let at = world.random.between(0, lasts);
        let mishap = mishap(&mut world.random, clients);
        world.at(at, Happening::Mishap(mishap));
    }
    world.at(lasts, Happening::Heal);
    world.at(lasts + SETTLING, Happening::Help { again: true });
    world
}

fn client_options(world: &mut World, brief_tokens: bool) -> (ClientOptions, AppServer) {
    let random = &mut world.random;
    let ttl = ttl(random, brief_tokens);
    let app_server = random.pick(&[AppServer::SignsRequests, AppServer::IssuesDetails, AppServer::IssuesText]);
    let mut auth = match random.between(0, 9) {
        0 => AuthOptions::with_key(world.key.expose()).unwrap(),
        1..3 => {
            let mut auth = AuthOptions::with_key(world.key.expose()).unwrap();
            auth.use_token_auth = Some(true);
            auth
        }
        3..7 => AuthOptions::with_callback("server"),
        _ => {
            let answer = random.pick(&["token", "jwt", "json-string", "details", "request", "redirect"]);
            AuthOptions::with_url(&format!("https://app.example/auth-url/{answer}")).unwrap()
        }
    };
    auth.query_time = Some(random.percent(50));
    let mut options = ClientOptions::with_auth(auth);
    options.client_id = random.percent(30).then(|| String::from("me"));
    options.default_token_params = TokenParams { ttl: Some(ttl), ..TokenParams::default() };
    options.pings_visible = random.percent(50);
    if random.percent(30) {
        options.fallback_hosts = Some(Vec::new());
    }
    (options, app_server)
}

/// The service asks for another token 30 s before one expires, and at once where it has less than that but more than
/// 5.5 s: such a token is renewed once a round trip. That is for a few runs only, for it says little and takes long.
fn ttl(random: &mut Random, brief_tokens: bool) -> i64 {
    let seconds = match random.between(0, 9) {
        0 | 1 => random.between(4, 5),
        2 if brief_tokens => random.between(6, 30),
        2..6 => random.between(31, 90),
        _ => random.between(31, 600),
    };
    i64::try_from(seconds).unwrap() * 1_000
}

fn application(random: &mut Random, client: usize, brief_tokens: bool) -> Happening {
    let input = match random.between(0, 19) {
        0..4 => {
            let ttl = Some(ttl(random, brief_tokens));
            let params = random.percent(50).then(|| TokenParams { ttl, ..TokenParams::default() });
            Input::Command(Command::Authorize(params, None))
        }
        4..9 => {
            let request = match random.between(0, 2) {
                0 => RestRequest::new("GET", "/channels/news/messages"),
                1 => RestRequest::new("POST", "/channels/news/messages").with_body("{\"name\":\"hello\"}"),
                _ => RestRequest::new("GET", "/channels/news"),
            };
            Input::Command(Command::Request(request))
        }
        9 => Input::Command(Command::RequestToken(None, None)),
        10 => Input::Command(Command::CreateTokenRequest(None, None)),
        11 => {
            let targets = [TokenRevocationTargetSpecifier::client_id("me")];
            Input::Command(Command::RevokeTokens(Revocation::new(targets)))
        }
        12 => Input::Command(Command::Credentials),
        13 => Input::Command(Command::Time),
        14 => return Happening::Mishap(Mishap::CancelNewest(client)),
        15 => Input::Close,
        16 | 17 => Input::Connect,
        18 => Input::Event(Event::TokenExpired {}.into()),
        _ => {
            let attach = serde_json::json!({ "action": action::ATTACH, "channel": "news" });
            Input::Send(serde_json::from_value::<ProtocolMessage>(attach).unwrap())
        }
    };
    Happening::Give(client, input)
}

fn mishap(random: &mut Random, clients: usize) -> Mishap {
    let client = usize::try_from(random.next() % clients as u64).unwrap();
    let lasts = random.between(SECOND, 90 * SECOND);
    match random.between(0, 19) {
        0 => Mishap::Slow(lasts),
        1 => Mishap::Lossy(lasts),
        2 => Mishap::Doubling(lasts),
        3 => Mishap::Refusing(random.pick(&[Refusing::Primary, Refusing::Everybody]), lasts),
        4 | 5 => Mishap::Partition { client, lasts, is_told: random.percent(50) },
        6 | 7 => Mishap::HalfOpen(client),
        8 => Mishap::Restart { forgets: random.percent(50) },
        9 => Mishap::WallJump(client, random.signed(30 * 60_000)),
        10 => Mishap::Sleep { client, lasts, mono_stands: random.percent(50) },
        11..14 => {
            let moods = [
                CallbackMood::Fails,
                CallbackMood::Forbids,
                CallbackMood::NeverAnswers,
                CallbackMood::Garbage,
                CallbackMood::Late,
                CallbackMood::WrongClient,
            ];
            Mishap::Mood(random.pick(&moods), lasts)
        }
        14 => Mishap::Disconnect,
        15 => Mishap::Reauth,
        _ => Mishap::Inject(injected(random)),
    }
}

fn injected(random: &mut Random) -> Fault {
    let times = u32::try_from(random.between(1, 4)).unwrap();
    let error = random.pick(&[(42910, 429), (40300, 403), (50003, 500), (40142, 401), (80003, 503)]);
    let error = Error::new(ErrorKind::Rejected, error.0, error.1, "on purpose");
    let milliseconds = u32::try_from(random.between(500, 12_000)).unwrap();
    let trigger = match random.between(0, 5) {
        0 => Trigger::request("POST", "/keys/"),
        1 => Trigger::path("/channels/"),
        2 => Trigger::path("/auth-url/"),
        3 => Trigger::path("/"),
        4 => Trigger::WebSocket,
        _ => Trigger::frame(action::AUTH),
    };
    let for_all = [Effect::Drop, Effect::Hang, Effect::Refuse { error: error.clone() }];
    let effects = match trigger {
        Trigger::Request { .. } => vec![
            Effect::Delay { milliseconds },
            Effect::Status { status: random.pick(&[429, 500, 503, 403, 401, 204]) },
            Effect::ContentType { content_type: random.pick(&["text/html", "", "text/plain"]).into() },
            Effect::Malformed,
            Effect::Cut,
            Effect::Skew { milliseconds: random.signed(3_600_000) },
            Effect::Replay,
        ],
        Trigger::WebSocket => vec![Effect::Status { status: 503 }, Effect::Disconnect { error }],
        _ => vec![Effect::Delay { milliseconds }, Effect::Disconnect { error }],
    };
    let effects: Vec<Effect> = effects.into_iter().chain(for_all).collect();
    let effect = random.pick(&effects);
    Fault::new(trigger, effect).times(times)
}

impl World {
    pub(crate) fn suffer(&mut self, mishap: Mishap) -> Result<(), Broken> {
        let time = self.time;
        match mishap {
            Mishap::Slow(lasts) => self.weather.slow_until = time + lasts,
            Mishap::Lossy(lasts) => self.weather.lossy_until = time + lasts,
            Mishap::Doubling(lasts) => self.weather.doubling_until = time + lasts,
            Mishap::Refusing(who, lasts) => self.weather.refusing = Some((who, time + lasts)),
            Mishap::Partition { client, lasts, is_told } => {
                self.weather.cut_until[client] = time + lasts;
                self.figures.fault(if is_told { "partition told" } else { "partition untold" });
                if is_told {
                    let network = |up| Input::Event(ConnectionInput::Network { up }.into());
                    self.at(time, Happening::Give(client, network(false)));
                    self.at(time + lasts, Happening::Give(client, network(true)));
                }
            }
            Mishap::HalfOpen(client) => {
                let times = u64::from(self.break_socket(client));
                self.figures.faults("half-open socket", times);
            }
            Mishap::Restart { forgets } => {
                self.figures.fault(if forgets { "service lost its memory" } else { "service restarted" });
                if forgets {
                    self.count_injected();
                }
                self.restart_service(forgets);
            }
            Mishap::WallJump(client, by) => {
                self.figures.fault(if by > 0 { "wall clock jumped ahead" } else { "wall clock jumped back" });
                self.clients[client].wall_error += by;
            }
            Mishap::Sleep { client, lasts, mono_stands } => {
                if self.clients[client].asleep_until.is_none() {
                    self.clients[client].asleep_until = Some(time + lasts);
                    self.at(time + lasts, Happening::Mishap(Mishap::Awake { client, slept: lasts, mono_stands }));
                }
            }
            Mishap::Awake { client, slept, mono_stands } => self.awaken(client, slept, mono_stands),
            Mishap::Mood(mood, lasts) => (self.mood, self.mood_until) = (mood, time + lasts),
            Mishap::Inject(fault) => {
                let times = u64::from(fault.times.unwrap_or_default());
                self.figures.faults(injected_name(&fault), times);
                self.service.inject(fault).expect("each effect is for its trigger, and there are few");
            }
            Mishap::Disconnect => {
                let ids: Vec<String> = self.service.connections().map(|connection| connection.id).collect();
                let (now, error) = (self.service_now(), Error::new(ErrorKind::Transport, 80003, 503, "on purpose"));
                let times = ids.iter().filter(|id| self.service.disconnect(id, error.clone(), now)).count();
                self.figures.faults("service disconnects", times as u64);
            }
            Mishap::Reauth => {
                let times = self.service.request_reauth_of_all(self.service_now());
                self.figures.faults("service asks for another token", times as u64);
            }
            Mishap::CancelNewest(client) => {
                if let Some(operation) = self.clients[client].operations.last().copied() {
                    self.at(time, Happening::Give(client, Input::Command(Command::Cancel(operation))));
                }
            }
        }
        Ok(())
    }

    fn awaken(&mut self, client: usize, slept: u64, mono_stands: bool) {
        self.figures.fault(if mono_stands { "machine slept, and its monotonic clock too" } else { "machine slept" });
        let about = &mut self.clients[client];
        if about.asleep_until.take().is_none() {
            // It was woken before its time.
            return;
        }
        about.wake_at = None;
        if mono_stands {
            about.mono_lag += slept;
        }
        self.set_alarm(client);
    }

    /// Takes back those of the faults counted that have not happened, and never will.
    fn count_injected(&mut self) {
        let mut left: BTreeMap<&'static str, u64> = BTreeMap::new();
        for (_, fault) in self.service.faults() {
            *left.entry(injected_name(fault)).or_default() += u64::from(fault.times.unwrap_or_default());
        }
        for (name, times) in left {
            *self.figures.faults.get_mut(name).expect("it was counted when it was injected") -= times;
        }
    }

    /// The end of all faults: the weather is fine, the servers answer, everybody is awake and clocks are right again.
    pub(crate) fn heal(&mut self) {
        self.weather.clear_up();
        self.mood = CallbackMood::Good;
        self.count_injected();
        self.service.clear_faults();
        for client in self.clients.iter_mut() {
            client.wall_error = client.wall_error.clamp(-40_000, 40_000);
        }
        for client in 0..self.clients.len() {
            self.clients[client].asleep_until = None;
            self.clients[client].wake_at = None;
            self.set_alarm(client);
        }
        self.healed_at = Some(self.time);
    }

    /// What waits for people: an application whose connection has failed, or may have been left closed, connects: twice, for
    /// a connection that is up may have a wrong token in store for its end.
    pub(crate) fn help(&mut self, again: bool) -> Result<(), Broken> {
        for client in 0..self.clients.len() {
            let about = &self.clients[client];
            let connection = about.session.connection();
            let has_failed = connection.state() == ConnectionState::Failed;
            let code = connection.error_reason().map_or(0, |error| error.code());
            let has_wrong_token = has_failed && REFUSED_CREDENTIALS.contains(&code);
            if about.wish == Wish::Closed || (about.wish == Wish::Connected && !has_failed) {
                continue;
            }
            if has_wrong_token {
                // The token is kept, for what the service said is no token error: `connect` alone would try it again.
                self.give(client, Input::Command(Command::Authorize(None, None)))?;
            }
            self.give(client, Input::Connect)?;
        }
        if again {
            self.at(self.time + SETTLING, Happening::Help { again: false });
        } else {
            self.helped_at = Some(self.time);
        }
        Ok(())
    }
}

fn injected_name(fault: &Fault) -> &'static str {
    let name = fault.effect.name();
    FAULTS.iter().find(|known| known.strip_prefix("service: ") == Some(name)).expect("every effect is listed")
}
