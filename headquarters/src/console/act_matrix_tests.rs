//! Every role, from every place a right can stand, against every act there is a form for. The
//! tables here are DOMAIN.md §3 and §4 written down by hand, not read from the code.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::{
    Console,
    lang::Lang,
    test_house::{House, OTHER, OWN, ask, house},
    web::{Method, Response, Visitor},
};
use crate::Headquarters;
use Role::{
    Auditor, CallbackAgent, DeputyLeader, Enforcement, GridWorker, HotlineClerk, Liaison, Principal,
    PropertyStaff, Section,
};
use Scope::{Ended, Foreign, Lead, Named, NamedHere, Next, Nothing, Offered, OwnGrid, Support, Whole};
use lanewalk_model::{
    document::Edit,
    id::{DocId, to_hex},
    schema::DocKind,
    staff::{Grant, Role},
    time::TimeMs,
};

/// Where a right stands, seen from the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// The order's grid.
    OwnGrid,
    /// Another grid.
    Next,
    /// The whole subdistrict.
    Whole,
    /// The unit that leads it.
    Lead,
    /// A unit that supports it.
    Support,
    /// The unit it is offered to.
    Offered,
    /// A unit that has nothing to do with it.
    Foreign,
    /// Another grid, and the order is assigned to the person by name.
    Named,
    /// The order's grid, and assigned by name.
    NamedHere,
    /// The order's grid, until yesterday, and still assigned by name.
    Ended,
    /// No right.
    Nothing,
}

const SCOPES: [Scope; 11] =
    [OwnGrid, Next, Whole, Lead, Support, Offered, Foreign, Named, NamedHere, Ended, Nothing];

impl Scope {
    fn grid(self) -> Option<&'static str> {
        Some(match self {
            OwnGrid | NamedHere | Ended => OWN,
            Next | Named => OTHER,
            Whole => "*",
            Lead => "sec-wuye",
            Support => "sec-chengguan",
            Offered => "sec-jianguan",
            Foreign => "sec-minzheng",
            Nothing => return None,
        })
    }

    fn is_named(self) -> bool {
        matches!(self, Named | NamedHere | Ended)
    }
}

/// DOMAIN.md §3, first column: from where a role sees the order at all. A whole subdistrict is
/// nobody's own grid; property staff and grid workers hold their grid, others who are assigned
/// come from anywhere.
const SIGHT: &[(Role, &[Scope])] = &[
    (GridWorker, &[OwnGrid, NamedHere]),
    (PropertyStaff, &[NamedHere]),
    (HotlineClerk, &[OwnGrid, NamedHere, Whole]),
    (Section, &[OwnGrid, NamedHere, Lead, Support, Offered, Named]),
    (DeputyLeader, &[OwnGrid, NamedHere, Whole]),
    (Principal, &[OwnGrid, NamedHere, Whole]),
    (Enforcement, &[Lead, Support, Offered, Named, NamedHere]),
    (Liaison, &[Lead, Support, Offered, Named, NamedHere]),
    (CallbackAgent, &[OwnGrid, NamedHere, Whole]),
    (Auditor, &[OwnGrid, NamedHere, Whole]),
];

const WHY: &str = "reason=研究决定";

/// Every act at an order, a form with nothing lacking, and who may: the other columns of §3, §4's
/// "who decides", R7, R27, R34, R39.
const ACTS: &[(&str, &str, &[Role])] = &[
    // §4.
    ("accept", "", &[HotlineClerk]),
    ("triage", WHY, &[HotlineClerk]),
    // §3 "dispatch"; only the deputy leads out of TRIAGE (R27).
    (
        "dispatch",
        "matter=1&grid=370705005008003&lead=sec-wuye&reason=x",
        &[HotlineClerk, DeputyLeader, Principal],
    ),
    ("urgency", "urgent=yes&reason=x", &[HotlineClerk]),
    ("clear", WHY, &[HotlineClerk]),
    ("chase", WHY, &[HotlineClerk, DeputyLeader, Principal]),
    // R7: the leading group may supervise.
    ("supervise", WHY, &[DeputyLeader, Principal]),
    ("resume", WHY, &[DeputyLeader]),
    // §3 "submit result": D.
    ("pass", "", &[HotlineClerk, DeputyLeader]),
    ("send_back", WHY, &[HotlineClerk, DeputyLeader]),
    ("callback", "reached=yes&result=yes", &[CallbackAgent]),
    ("close", "", &[HotlineClerk]),
    ("rework", WHY, &[HotlineClerk]),
    // §3 "return / extend", "submit result", "close": D.
    ("decide", "event=0&verdict=accept", &[HotlineClerk, DeputyLeader, Principal]),
    // §3 "return / extend", "submit result", "dispatch": P.
    ("propose", "kind=ack&version=1", &[GridWorker, Section]),
    ("propose", "kind=handle&version=1", &[GridWorker, Section]),
    ("propose", "kind=submit&version=1&outcome=mediated", &[GridWorker, Section]),
    ("propose", "kind=extend&version=1&days=3&reason=x", &[GridWorker, Section]),
    ("propose", "kind=return&version=1&reason=x", &[GridWorker, Section]),
    // R29: whoever has it offers it on.
    ("propose", "kind=transfer&version=1&to=sec-minzheng&reason=x", &[GridWorker, Section]),
    ("propose", "kind=decline&version=1&reason=x", &[GridWorker, Section]),
    // Somebody has to ask, since the deputy decides and nobody decides an own proposal.
    (
        "propose",
        "kind=exclude&version=1&ground=duplicate&evidence=x&reason=x",
        &[GridWorker, Section, HotlineClerk],
    ),
    ("propose", "kind=park&version=1&review=2040-01-01&reason=x", &[GridWorker, Section, HotlineClerk]),
    // §3: the site check's result only.
    ("propose", "kind=check&version=1&outcome=not_found&reason=x", &[PropertyStaff]),
    // §5: who writes the field.
    ("reply", "reply=已劝离", &[GridWorker, Section]),
    ("note", "text=已到场", &[GridWorker, PropertyStaff, HotlineClerk, Section]),
    ("contact", "reached=yes", &[GridWorker, HotlineClerk, Section]),
    // R39: 城管 alone.
    ("finding", "number=1&date=2026-05-06&text=违建", &[Enforcement]),
    // R34: the guest, or who holds the document.
    ("liaison", "body=住建&date=2026-05-06&text=已复", &[Liaison, HotlineClerk, Section]),
    ("resolve", "doc=DOC&key=verified_facts&value=1", &[HotlineClerk, Section]),
    // §3 "requester identity": R, or unmasked with a reason.
    ("reveal", "purpose=contact&reason=约定上门时间", &[GridWorker, HotlineClerk, CallbackAgent]),
];

/// What is said to whoever sees an order and may not: another role decides, this role may not.
const NOT_YOURS: [&str; 2] = ["此操作须由其他角色决定", "您的角色不能"];

fn id(role: Role, scope: Scope) -> String {
    format!("{}-{scope:?}", role.id()).to_lowercase()
}

/// A house with everybody and two orders: one that has ended, where no act gets further than the
/// question who may, and one in hand.
struct Town {
    house: House,
    ended: DocId,
    in_hand: DocId,
}

impl Town {
    fn new() -> Self {
        let mut house = house();
        let mut named = Vec::new();
        for (role, _) in SIGHT {
            for scope in SCOPES {
                let id = id(*role, scope);
                house.hq.put_staff(&id, "某", *role).unwrap();
                let to = (scope == Ended).then_some(TimeMs(house.now.0 - 86_400_000));
                if let Some(grid) = scope.grid() {
                    let grant = Grant { grid: grid.into(), role: *role, from: TimeMs(0), to };
                    house.hq.grant(&id, &grant).unwrap();
                }
                if scope.is_named() {
                    named.push(Edit::set(format!("assignee/{id}"), true));
                }
            }
        }
        let mut made = ["CLOSED", "HANDLING"].into_iter().map(|state| {
            let order = house.hq.new_id(DocKind::Order);
            let mut edits = named.clone();
            for (key, value) in [
                ("channel", "12345"),
                ("title", "楼道内养猫"),
                ("grid", OWN),
                ("state", state),
                ("lead_unit", "sec-wuye"),
                ("offered_to", "sec-jianguan"),
            ] {
                edits.push(Edit::set(key, value));
            }
            edits.extend([Edit::set("support_unit/sec-chengguan", true), Edit::set("order_version", 1)]);
            house.hq.write_by_rule(&[(order, edits)]).unwrap();
            order
        });
        let (ended, in_hand) = (made.next().unwrap(), made.next().unwrap());
        drop(made);
        Self { house, ended, in_hand }
    }

    fn visitor(&self, role: Role, scope: Scope) -> Visitor {
        let subject = self.house.hq.subject(&id(role, scope)).unwrap().unwrap();
        Visitor { subject, name: "某".into(), admin: false, session: String::new() }
    }

    fn post(&mut self, who: &Visitor, path: &str, form: &str) -> Response {
        let ask = ask(Method::Post, path, form, who, self.house.now);
        Console::post(&mut self.house.hq, &ask, Lang::Zh)
    }

    fn get(&self, who: &Visitor, path: &str) -> Response {
        self.house.console.get(&ask(Method::Get, path, "", who, self.house.now), Lang::Zh)
    }
}

/// Everything that was ever written, counted.
fn written(hq: &Headquarters) -> Vec<u64> {
    let tables =
        ["log", "audit", "watch", "shifts", "catalog_proposals", "forecasts", "meetings", "kb_drafts"];
    let count = |table: &str| {
        hq.reader().query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0)).unwrap()
    };
    tables.into_iter().map(count).collect()
}

fn text(response: &Response) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}

fn at(order: DocId, act: &str) -> String {
    format!("/orders/{}/{act}", to_hex(&order.uuid))
}

#[test]
fn who_sees_an_order_and_who_may_do_what_to_it() {
    let mut town = Town::new();
    let nowhere = DocId { kind: DocKind::Order, uuid: [7; 16] };
    let (mut done, mut refused, mut hidden) = (0, 0, 0);
    for (role, sights) in SIGHT {
        for scope in SCOPES {
            let who = town.visitor(*role, scope);
            let sees = sights.contains(&scope);
            let page = town.get(&who, at(town.ended, "").trim_end_matches('/'));
            assert_eq!(page.status, if sees { 200 } else { 404 }, "{role:?} {scope:?} reads");
            for (act, form, may) in ACTS {
                let about = format!("{role:?} {scope:?} {act} {form}");
                let form = form.replace("DOC", &town.ended.to_string());
                let may = may.contains(role);
                for order in [town.ended, town.in_hand] {
                    if sees && may && order == town.in_hand {
                        continue;
                    }
                    let before = written(&town.house.hq);
                    let answer = town.post(&who, &at(order, act), &form);
                    let html = text(&answer);
                    let not_yours = NOT_YOURS.iter().any(|words| html.contains(words));
                    if !sees {
                        let none = town.post(&who, &at(nowhere, act), &form);
                        assert_eq!((answer.status, &answer.body), (404, &none.body), "{about}");
                        assert_eq!(none.status, 404, "{about}");
                        hidden += 1;
                    } else if may {
                        assert!([200, 303, 422].contains(&answer.status), "{about}: {}", answer.status);
                        assert!(!not_yours, "{about}: {html}");
                        done += 1;
                    } else {
                        assert!(answer.status == 422 && not_yours, "{about}: {} {html}", answer.status);
                        refused += 1;
                    }
                    if !(sees && may) {
                        assert_eq!(written(&town.house.hq), before, "{about}");
                    }
                }
            }
        }
    }
    assert!(done > 200 && refused > 1_500 && hidden > 4_000, "{done} {refused} {hidden}");
}

/// A field that lacks, or says what no browser sends, is said in words in the visitor's language;
/// never that the order were not there.
#[test]
fn a_form_that_lacks_something_is_told_so() {
    let mut town = Town::new();
    let order = town.house.order;
    let everybody: Vec<Visitor> = SIGHT
        .iter()
        .flat_map(|(role, sights)| sights.iter().map(|s| town.visitor(*role, *s)).collect::<Vec<_>>())
        .collect();
    let mut acts: Vec<&str> = ACTS.iter().map(|(act, ..)| *act).collect();
    acts.dedup();
    for who in &everybody {
        for act in &acts {
            for order in [order, town.ended] {
                if town.get(who, at(order, "").trim_end_matches('/')).status == 404 {
                    continue;
                }
                for odd in [
                    "",
                    "reached=maybe&urgent=%00&reason=%20&event=../x&verdict=&kind=%F0%9F%90%88&version=-1",
                    "kind=extend&version=1&days=99999999999999999999&date=9999-99-99&number=1&text=&review=x",
                    "doc=visit:00&key=&value=null&doc=x&lead=%3Cb%3E&grid=1&matter=%27--&support=%00",
                    "event=00000000000000000000000000000000&verdict=accept&purpose=x&reason=xxxx",
                ] {
                    let answer = town.post(who, &at(order, act), odd);
                    let about = format!("{who:?} {act} {odd}");
                    assert!([200, 303, 422].contains(&answer.status), "{about}: {}", answer.status);
                }
            }
        }
    }
    let agent = town.visitor(CallbackAgent, Whole);
    for (lang, words) in [(Lang::Zh, "表单不完整"), (Lang::En, "the form is incomplete")] {
        let ask = ask(Method::Post, &at(town.in_hand, "callback"), "note=x", &agent, town.house.now);
        let answer = Console::post(&mut town.house.hq, &ask, lang);
        assert_eq!((answer.status, text(&answer).contains(words)), (422, true));
    }
}

/// Acts elsewhere: address, a form, who may. Whoever is not named finds no room or is refused.
const ELSEWHERE: &[(&str, &str, &[Role])] = &[
    ("/watch/plan", "person=hotline_clerk-whole&from=2030-01-01T08:00&to=2030-01-01T16:00", WATCH),
    ("/watch/drop", "n=1", WATCH),
    ("/watch/take", "handover=x", &[HotlineClerk]),
    // R27: the deputy's choice.
    ("/catalogue/adopt", "n=1&code=010101&name=x", &[DeputyLeader]),
    ("/catalogue/decline", "n=1", &[DeputyLeader]),
    ("/intake", "text=x", &[HotlineClerk]),
    ("/intake/import", "step=take", &[HotlineClerk]),
    ("/exchange/give", "neighbour=x", &[HotlineClerk]),
    ("/exchange/take", "", &[HotlineClerk]),
    ("/figures/meetings", "title=调度", WATCH),
    // R32.
    ("/taskforces", "act=open&title=x&lead=deputy_leader-whole&due=2030-01-01T08:00", &[Principal]),
    ("/clusters", "act=make&title=x", &[HotlineClerk]),
    ("/clusters/ORDER", "act=subtask&title=防水&lead_unit=sec-wuye", HANDLES),
    ("/surveys", "act=make&title=x&question=y", WATCH),
    ("/ahead", "act=foresee&matter=1&grid=370705005008003&words=将降暴雨", HANDLES),
    // R13: section approval; leaders too.
    ("/kb", "act=publish&kind=kb&title=x&owner_unit=sec-wuye&body=y", &[Section, DeputyLeader, Principal]),
    // §3: accounts are nobody's by role.
    ("/staff", "act=add&id=x-1&name=x&role=section", &[]),
    ("/staff/section-lead", "act=grant&grid=*", &[]),
    ("/devices", "act=revoke&sure=yes", &[]),
    ("/devices", "act=confirm&sure=yes", &[]),
    ("/keeping", "act=run", &[]),
    ("/audit", "name=某某", &[Auditor]),
];

const WATCH: &[Role] = &[HotlineClerk, DeputyLeader, Principal];
const HANDLES: &[Role] = &[HotlineClerk, Section, DeputyLeader, Principal];

#[test]
fn acts_of_other_rooms_are_for_whom_the_table_names() {
    let mut town = Town::new();
    let order = to_hex(&town.in_hand.uuid);
    let words = [NOT_YOURS[0], NOT_YOURS[1], "没有这个页面"];
    // Those who may not first: what the others make must not let them pass.
    for allowed in [false, true] {
        for (path, form, roles) in ELSEWHERE {
            let path = path.replace("ORDER", &order);
            for (role, _) in SIGHT.iter().filter(|(role, _)| roles.contains(role) == allowed) {
                let who = town.visitor(*role, if *role == Section { Lead } else { Whole });
                let before = written(&town.house.hq);
                let answer = town.post(&who, &path, form);
                let about = format!("{role:?} {path} {form}: {} {}", answer.status, text(&answer));
                if allowed {
                    assert!([200, 303, 422].contains(&answer.status), "{about}");
                    assert!(!words.iter().any(|w| text(&answer).contains(w)), "{about}");
                    for odd in ["", "act=x", "act=&n=x&step=take&neighbour=&order=zz&item=x"] {
                        let answer = town.post(&who, &path, odd);
                        assert!(
                            [200, 303, 422].contains(&answer.status),
                            "{about}\n{odd}: {}",
                            answer.status
                        );
                    }
                } else {
                    assert!([404, 422].contains(&answer.status), "{about}");
                    assert_eq!(written(&town.house.hq), before, "{about}");
                }
            }
        }
    }
}

/// Whoever may sign in finds a page that says what the role does here, and the orders it waits for.
#[test]
fn everybody_has_a_home() {
    let town = Town::new();
    for (role, sights) in SIGHT {
        for scope in SCOPES {
            let who = town.visitor(*role, scope);
            let page = town.get(&who, "/");
            let stands = !matches!(scope, Ended | Nothing);
            assert_eq!(page.status, if stands { 200 } else { 303 }, "{role:?} {scope:?}");
            let html = text(&page);
            let me = text(&town.get(&who, "/me"));
            let said = super::words::work(*role).0;
            assert_eq!(me.contains(said), stands, "{role:?} {scope:?}");
            if !stands {
                assert!(me.contains("没有任何权限"));
                assert_eq!(page.headers, [("location", "/me".to_owned())]);
                continue;
            }
            // Lists hold what is reached, and nothing else.
            let listed = html.contains(&to_hex(&town.in_hand.uuid));
            let to_do = match role {
                Auditor | CallbackAgent if scope != Whole => false,
                Auditor => false,
                // A section sees what lies in its grid, and has to do what is its own.
                Section => sights.contains(&scope) && scope != OwnGrid,
                _ => sights.contains(&scope),
            };
            let watches = matches!(role, HotlineClerk | DeputyLeader | Principal | CallbackAgent);
            let want = if watches { sights.contains(&scope) } else { to_do };
            assert_eq!(listed, want, "{role:?} {scope:?}");
            assert_eq!(html.contains(said), !watches, "{role:?} {scope:?}");
            for way in ["/audit", "/figures/orders"].iter().filter(|_| *role == Auditor) {
                assert!(
                    html.contains(&format!("href=\"{way}\"")) && town.get(&who, way).status == 200,
                    "{way}"
                );
            }
            assert_eq!(html.contains("id=\"devices\""), watches && scope == Whole, "{role:?} {scope:?}");
        }
    }
}
