//! What ids and codes are called: Chinese first, English beside it.
//!
//! Invariant: a code without a name here is shown as the code itself, never hidden. Rejected:
//! leaving the English out of tables that Chinese clerks read; auditors and support read them too.

use lanewalk_model::{
    order::State,
    photo::PhotoRole,
    records::{Confirmation, Method, ProposalKind, Verdict},
    schema::DocKind,
    staff::Role,
};

/// Chinese and English for one thing.
pub(super) type Words = (&'static str, &'static str);

fn find(table: &[(&str, &'static str, &'static str)], id: &str) -> Option<Words> {
    table.iter().find(|(key, _, _)| *key == id).map(|(_, zh, en)| (*zh, *en))
}

/// Names a state.
pub(super) fn state(state: State) -> Words {
    let en = match state {
        State::Received => "received",
        State::Accepted => "accepted",
        State::Triage => "triage",
        State::Dispatched => "dispatched",
        State::Acked => "acknowledged",
        State::Investigating => "investigating",
        State::Handling => "handling",
        State::Submitted => "submitted",
        State::Callback => "callback due",
        State::Closed => "closed",
        State::Archived => "archived",
        State::Returned => "returned",
        State::Excluded => "excluded",
        State::Parked => "parked",
    };
    (state.zh(), en)
}

/// Names what a proposal asks for.
pub(super) fn proposal(kind: ProposalKind) -> Words {
    let en = match kind {
        ProposalKind::Ack => "acknowledge",
        ProposalKind::Return => "return",
        ProposalKind::Handle => "start handling",
        ProposalKind::Submit => "submit result",
        ProposalKind::Extend => "extend",
        ProposalKind::Transfer => "transfer",
        ProposalKind::Decline => "decline a transfer",
        ProposalKind::Exclude => "exclude",
        ProposalKind::Park => "park",
        ProposalKind::Check => "result of a site check",
    };
    (kind.zh(), en)
}

/// Names a verdict.
pub(super) fn verdict(verdict: Verdict) -> Words {
    match verdict {
        Verdict::Accepted => ("同意", "accepted"),
        Verdict::Refused => ("未同意", "refused"),
    }
}

/// Names how a number is known (R46).
pub(super) fn method(method: Method) -> Words {
    match method {
        Method::Counted => ("清点", "counted"),
        Method::Measured => ("测量", "measured"),
        Method::Estimated => ("估计", "estimated"),
        Method::Told => ("听说", "told"),
    }
}

/// Names what a photo shows.
pub(super) fn photo(role: PhotoRole) -> Words {
    match role {
        PhotoRole::Before => ("处理前", "before"),
        PhotoRole::During => ("处理中", "during"),
        PhotoRole::After => ("处理后", "after"),
        PhotoRole::Document => ("材料", "document"),
    }
}

/// Names a resident's confirmation (R42).
pub(super) fn confirmation(c: Confirmation) -> Words {
    match c {
        Confirmation::Signed => ("居民已签字", "signed"),
        Confirmation::Refused => ("居民拒签", "refused to sign"),
        Confirmation::Absent => ("居民不在场", "absent"),
    }
}

/// Names a kind of document.
pub(super) fn kind(kind: DocKind) -> Words {
    match kind {
        DocKind::Order => ("工单", "order"),
        DocKind::Brief => ("诉求原文", "brief"),
        DocKind::Visit => ("走访", "visit"),
        DocKind::Appeal => ("诉求", "appeal"),
        DocKind::Place => ("地点", "place"),
        DocKind::Person => ("居民", "person"),
        DocKind::Care => ("关爱", "care"),
        DocKind::Survey => ("民意调查", "survey"),
        DocKind::TaskForce => ("专班", "task force"),
        DocKind::Knowledge => ("资料", "knowledge"),
        DocKind::Reference => ("基础数据", "reference"),
    }
}

/// Names the worth of an entry's time (DOMAIN.md §5).
pub(super) fn trust(id: &str) -> Option<Words> {
    find(
        &[
            ("anchored", "时间可信", "anchored"),
            ("no_anchor", "未对时,按收到时间", "no anchor: time of receipt"),
            ("contradicted", "时钟矛盾,待复核", "clocks contradict: review"),
            ("hq", "总部时间", "HQ time"),
        ],
        id,
    )
}

/// Names one of the words that a field may hold.
pub(super) fn value(field: &str, id: &str) -> Option<Words> {
    let table: &[(&str, &str, &str)] = match field {
        "urgency" => &[("general", "一般", "general"), ("urgent", "紧急", "urgent")],
        "outcome" => &[
            ("self_corrected", "自行整改", "self-corrected"),
            ("enforced", "依法查处", "enforced"),
            ("mediated", "调解", "mediated"),
            ("explained", "解释说明", "explained"),
            ("referred_police", "移交公安", "referred to police"),
            ("not_found", "未发现", "not found"),
            ("not_ours", "非本街道职责", "not ours"),
        ],
        "kind" => &[
            ("prelim_call", "电话初查", "preliminary call"),
            ("prelim", "上门初查", "preliminary visit"),
            ("site_check", "现场查实", "site check"),
            ("handle", "办理", "handling"),
            ("supervise", "督导", "supervision"),
            ("patrol", "巡查", "patrol"),
            ("care", "关爱走访", "care"),
        ],
        "purpose" => &[
            ("collect", "收集诉求", "collect appeals"),
            ("mediate", "调解", "mediate"),
            ("publicity", "宣传", "publicity"),
            ("safety", "安全检查", "safety"),
            ("service", "服务", "service"),
            ("emergency", "应急", "emergency"),
        ],
        "result" => &[
            ("met", "见到", "met"),
            ("absent", "不在家", "absent"),
            ("refused", "拒绝", "refused"),
            ("locked", "门锁闭", "locked"),
        ],
        "flag" => &[
            ("yellow", "黄牌", "yellow card"),
            ("red", "红牌", "red card"),
            ("overdue", "逾期", "overdue"),
            ("extended", "已延期", "extended"),
            ("supervised", "督办", "supervised"),
            ("taskforce", "专班", "task force"),
            ("cluster_child", "已并案", "in a cluster"),
            ("recurrence", "重复反映", "recurrence"),
            ("hotspot", "集中反映", "hot spot"),
            ("transfers", "多次转办", "transferred repeatedly"),
            ("unaccepted", "超时未接单", "not accepted in time"),
            ("review", "到复查日", "review is due"),
        ],
        "channel" => &[
            ("hotline", "12345 热线", "12345 hotline"),
            ("phone", "电话", "phone call"),
            ("walk_in", "来访", "walk-in"),
            ("grid", "网格收集", "grid"),
            ("letter", "来信", "letter"),
            ("service_point", "服务驿站", "service point"),
            ("open311", "Open311", "Open311"),
            ("neighbour", "邻接系统", "neighbour"),
        ],
        "appeal_kind" => &[
            ("consult", "咨询", "question"),
            ("help", "求助", "help"),
            ("suggest", "建议", "suggestion"),
            ("complain", "投诉", "complaint"),
            ("report", "举报", "report"),
            ("opinion", "意见", "opinion"),
        ],
        _ => &[],
    };
    find(table, id)
}

/// Names a field of an order or a visit; `key` without the member part.
pub(super) fn field(key: &str) -> Option<Words> {
    find(FIELDS, key)
}

const FIELDS: &[(&str, &str, &str)] = &[
    ("upstream_id", "上级编号", "upstream id"),
    ("channel", "来源", "channel"),
    ("reported_at", "反映时间", "reported at"),
    ("reported_position", "反映位置", "reported position"),
    ("payload_hash", "原件凭证", "commitment to the original"),
    ("erasure", "删除来件", "erasure"),
    ("recurrence_of", "重复件", "recurrence of"),
    ("first_owner", "首接人", "first owner"),
    ("title", "标题", "title"),
    ("summary", "内容", "summary"),
    ("place_text", "反映地点", "reported place"),
    ("amendment", "上级补充", "amendment"),
    ("grid", "网格", "grid"),
    ("matter_code", "事项", "matter"),
    ("catalog_version", "清单版本", "catalogue version"),
    ("urgency", "缓急", "urgency"),
    ("state", "状态", "state"),
    ("order_version", "工单版本", "order version"),
    ("step", "经过", "steps"),
    ("subtask_of", "主工单", "sub-task of"),
    ("appeal", "来自诉求", "from appeal"),
    ("offered_to", "转派给", "offered to"),
    ("master", "集中件主单", "cluster"),
    ("taskforce", "专班", "task force"),
    ("playbook", "所用预案", "response plan used"),
    ("contact_due", "联系时限", "contact due"),
    ("first_contact_at", "首次联系", "first contact"),
    ("review_at", "复查日期", "review date"),
    ("lead_unit", "主办", "lead"),
    ("current_owner", "承办人", "owner"),
    ("outcome", "办理结果", "outcome"),
    ("resolved_claim", "称已解决", "resolved (claim)"),
    ("assignee", "办理人员", "assignee"),
    ("support_unit", "协办", "support"),
    ("tag", "标签", "tag"),
    ("flag", "标记", "flag"),
    ("cluster_child", "并件", "cluster"),
    ("internal_due", "街道时限", "internal due"),
    ("promised_due", "原定时限", "earlier promise"),
    ("upstream_due", "上级时限", "upstream due"),
    ("calendar_version", "日历版本", "calendar"),
    ("due_provisional", "时限暂定", "provisional due"),
    ("accepted_at", "接单时间", "accepted at"),
    ("dispatched_at", "派件时间", "dispatched at"),
    ("submitted_at", "提交时间", "submitted at"),
    ("closed_at", "办结时间", "closed at"),
    ("unclear_statement", "表述不清", "unclear statement"),
    ("unclear_responsibility", "责任不明", "unclear responsibility"),
    ("severity", "严重程度", "severity"),
    ("verified_address", "查实地点", "verified place"),
    ("verified_facts", "查实情况", "verified facts"),
    ("reply_text", "答复内容", "reply"),
    ("note", "备注", "note"),
    ("measurement", "测量", "measurement"),
    ("contact", "联系", "contact"),
    ("mediation", "调解", "mediation"),
    ("police_referral", "报警移交", "police referral"),
    ("liaison_reply", "联络单位回复", "liaison reply"),
    ("finding", "执法认定", "finding"),
    ("callback", "回访", "callback"),
    ("visit", "走访", "visit"),
    ("proposal", "申请", "proposal"),
    ("decision", "决定", "decision"),
    ("order", "工单", "order"),
    ("target", "对象", "target"),
    ("kind", "类型", "kind"),
    ("by", "走访人", "by"),
    ("started", "开始", "started"),
    ("ended", "结束", "ended"),
    ("purpose", "目的", "purpose"),
    ("result", "结果", "result"),
    ("position", "位置", "position"),
    ("corrects", "更正", "corrects"),
    ("notes", "走访记录", "notes"),
    ("photo", "照片", "photo"),
    ("photo_trouble", "照片文件问题", "photo file trouble"),
    ("original_wanted", "索取原图", "original wanted"),
    ("caption", "照片说明", "caption"),
    ("redaction_box", "遮挡", "redaction"),
    ("scene", "拍摄位置", "scene"),
    ("consent", "入户拍照同意", "consent to photos inside"),
    ("met", "见到的人", "met"),
    ("confirmation", "居民确认", "confirmation"),
];

/// Says what was just done, by the code in the address.
pub(super) fn done(code: &str) -> Words {
    let known = find(
        &[
            ("saved", "已保存", "saved"),
            ("kept", "已记下", "kept"),
            ("accept", "已接单", "accepted"),
            ("dispatch", "已派件", "dispatched"),
            ("triage", "已转研判", "sent to triage"),
            ("pass", "已转回访", "passed on to callback"),
            ("send_back", "已退回补办", "sent back"),
            ("callback", "回访已记录", "callback recorded"),
            ("close", "已办结", "closed"),
            ("rework", "已重办", "rework begun"),
            ("decide", "已作决定", "decided"),
            ("propose", "已提出", "proposed"),
            ("contact", "联系已记录", "contact recorded"),
            ("resolve", "已确定取值", "value chosen"),
            ("chase", "已催办", "chased"),
            ("supervise", "已督办", "supervised"),
            ("watch", "已接班", "watch taken over"),
            ("merged", "已合并", "merged"),
            ("parted", "已撤销合并", "parted again"),
            ("checked", "已全部核对", "all of it was checked"),
        ],
        code,
    );
    known.unwrap_or(("已完成", "done"))
}

/// Outcomes of R40, in the order in which they are offered.
pub(super) const OUTCOMES: &[&str] =
    &["self_corrected", "enforced", "mediated", "explained", "referred_police", "not_found", "not_ours"];
/// Names what a line of the access log is about.
pub(super) fn audited(what: &str) -> Words {
    let known = find(
        &[
            ("reveal", "查看诉求人", "saw the requester"),
            ("care", "查看关爱记录", "saw a care record"),
            ("sign_in", "登录", "signed in"),
            ("sign_in_refused", "登录失败", "sign-in refused"),
            ("sign_out", "退出", "signed out"),
            ("sign_out_everywhere", "全部退出", "signed out everywhere"),
            ("set_password", "设置密码", "set a password"),
            ("totp", "绑定动态码", "bound an app"),
            ("totp_dropped", "解除动态码", "unbound an app"),
            ("proof_refused", "身份复核失败", "proof refused"),
            ("account_code", "给设置码", "code for an account"),
            ("admin_code", "设管理员", "code for an administrator"),
            ("account_on", "启用账号", "account on"),
            ("account_off", "停用账号", "account off"),
            ("put_staff", "添加人员", "put staff"),
            ("grant", "给予权限", "granted a right"),
            ("end_grant", "收回权限", "ended a right"),
            ("invite", "手机邀请", "invited a phone"),
            ("enrol", "手机登记", "phone enrolled"),
            ("enrol_after", "手机重新登记", "enrolled again after another device"),
            ("confirm", "确认手机", "confirmed a phone"),
            ("revoke", "吊销设备", "revoked a device"),
            ("want_original", "索取原图", "asked for an original"),
            ("search_resident", "按居民查记录", "searched by resident"),
            ("retention", "到期删除", "erased what was due"),
            ("retention_run", "执行到期删除", "ran retention"),
            ("pair_asked", "申请双人操作", "asked for an act of two"),
            ("pair_confirmed", "确认双人操作", "confirmed an act of two"),
            ("erase", "删除诉求人信息", "erased a requester"),
            ("export", "导出数据", "took figures out"),
            ("merge_person", "合并居民", "merged residents"),
            ("undo_merge", "撤销合并", "undid a merge"),
            ("map_place", "合并地点", "merged places"),
            ("unmap_place", "撤销合并地点", "parted places"),
            ("log_whole", "核对记录:完整", "checked the log: whole"),
            ("log_broken", "核对记录:断裂", "checked the log: broken"),
            ("chain_rolled_back", "手机数据被回退", "a phone's store was put back"),
            ("chain_forked", "手机被复制", "two phones write as one"),
            ("store_salvaged", "手机数据库损坏后抢救", "a phone's damaged store was salvaged"),
            ("history_contradicted", "手机证明日志被改写", "a phone showed that the log was rewritten"),
            ("restored", "由备份恢复", "restored from a backup"),
            ("export_evidence", "导出证据包", "took an evidence bundle out"),
            ("map_tiles", "设置地图底图", "set the map's tiles"),
        ],
        what,
    );
    known.unwrap_or(("其他", "other"))
}

/// Names a role.
pub(super) fn role(role: Role) -> Words {
    let en = match role {
        Role::GridWorker => "grid worker",
        Role::PropertyStaff => "property staff",
        Role::HotlineClerk => "hotline clerk",
        Role::Section => "section",
        Role::DeputyLeader => "deputy leader",
        Role::Principal => "principal leader",
        Role::Enforcement => "enforcement",
        Role::Liaison => "liaison",
        Role::CallbackAgent => "callback agent",
        Role::Auditor => "auditor",
        Role::System => "system",
    };
    (role.zh(), en)
}

/// Says what a role does here.
pub(super) fn work(role: Role) -> Words {
    match role {
        Role::GridWorker => (
            "您在这里看到本人网格的工单,可写备注、答复和联系记录。走访、照片和申请在手机上做。",
            "Here you see the orders of your grids and keep notes, replies and contacts. Visits, photos and proposals are made on the phone.",
        ),
        Role::PropertyStaff => (
            "您在这里看到派给您的工单,可写备注。现场查看和照片在手机上做。",
            "Here you see the orders assigned to you and keep notes. Site checks and photos are made on the phone.",
        ),
        Role::HotlineClerk => (
            "您在这里接单、派件、审核结果、转回访、办结。",
            "Here you accept and dispatch orders, review results, pass them on to callback and close them.",
        ),
        Role::Section => (
            "您在这里签收、办理本科室的工单,提出转派、延期和办理结果。",
            "Here you acknowledge and handle your section's orders and propose transfers, extensions and results.",
        ),
        Role::DeputyLeader => (
            "您在这里研判派件,决定退单、延期、不予受理和挂账,督办工单。",
            "Here you dispatch from triage, decide returns, extensions, exclusions and parking, and supervise.",
        ),
        Role::Principal => (
            "您在这里看全部工单和数据,督办工单,成立专班。",
            "Here you see every order and all figures, supervise, and open task forces.",
        ),
        Role::Enforcement => (
            "您在这里看到交给本中队的工单,写入违章认定。",
            "Here you see the orders given to your squad and write findings.",
        ),
        Role::Liaison => (
            "您在这里看到请本单位协助的工单,写入回复。",
            "Here you see the orders that your body was asked about and write its replies.",
        ),
        Role::CallbackAgent => (
            "您在这里回访诉求人,记下三项回答。",
            "Here you call requesters back and note their three answers.",
        ),
        Role::Auditor => (
            "您在这里看数据和查阅记录;打开一件工单只看到状态和时间,看不到内容。",
            "Here you see figures and the access log; of an order you see states and times, not what it says.",
        ),
        Role::System => ("系统角色不登录。", "The system's own role never signs in."),
    }
}

/// Says why an entry was kept outside the documents.
pub(super) fn rejection(code: &str) -> Words {
    let known = find(
        &[
            ("wrong_author", "署名与设备不符", "not by the device's worker"),
            ("actor_bound", "写入标识属于另一台设备", "writer belongs to another device"),
            ("revoked", "设备已吊销,留待核查", "its device was revoked; kept for review"),
            ("unknown_worker", "没有这名人员", "no such member of staff"),
            ("role_kind", "角色与此类内容无关", "role has no part in this kind"),
            ("role_field", "角色不能填写此项", "role may not write this field"),
            ("unknown_field", "没有此项", "no such field"),
            ("outside_grid", "不在本人网格内", "outside the grids held"),
            ("not_assigned", "未派给本人", "not assigned"),
            ("not_author", "只有原作者能改", "only its author may change it"),
            ("may_not_create", "角色不能新建", "role may not create this"),
            ("schema_unknown_key", "没有此项", "no such field"),
            ("schema_wrong_value", "内容不符合要求", "value does not fit"),
            ("schema_immutable", "写定后不能改", "fixed once written"),
            ("schema_shrinks", "只能增加", "may only grow"),
            ("schema_not_removable", "不能删除", "cannot be removed"),
            ("missing_dependency", "缺少前面的改动", "builds on a missing change"),
            ("not_next", "与前面的改动不衔接", "does not continue the line"),
            ("wrong_predecessors", "改动的不是作者所见", "overwrites what was not seen"),
            ("unstable", "无法可靠保存", "does not survive saving"),
            ("too_many_changes", "改动过多", "too many changes"),
            ("document_too_large", "内容过大", "document too large"),
            ("gate_crashed", "检查时出错", "broke the checker"),
            ("gate_timeout", "检查超时", "checker ran out of time"),
        ],
        code,
    );
    known.unwrap_or(("格式不合规", "malformed change"))
}
