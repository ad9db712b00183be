//! What figures are called, and how each is counted, in one sentence.

use crate::{console::words::Words, figures::Dimension};
use lanewalk_model::kpi::{
    DueKind::{Internal, Upstream},
    Metric, Stage,
};

/// Names a figure.
pub(super) fn metric(metric: Metric) -> Words {
    match metric {
        Metric::Received => ("收件", "received"),
        Metric::Excluded => ("剔除", "excluded"),
        Metric::Open => ("在办", "open"),
        Metric::Overdue(Internal) => ("逾期未办结", "open and overdue"),
        Metric::Overdue(Upstream) => ("逾上级时限未办结", "open and overdue upstream"),
        Metric::Dispatch => ("交办率", "dispatch"),
        Metric::FirstDispatch => ("准派率", "first-dispatch accuracy"),
        Metric::Response => ("响应率", "response"),
        Metric::Closing(Internal) => ("办结率", "closing"),
        Metric::Closing(Upstream) => ("办结率(上级时限)", "closing, upstream due"),
        Metric::ClosingAll => ("办结率(占全部派件)", "closing, of all dispatched"),
        Metric::OnTime(Internal) => ("按时办结率", "on-time closing"),
        Metric::OnTime(Upstream) => ("按时办结率(上级时限)", "on-time closing, upstream due"),
        Metric::Resolution => ("解决率", "resolution"),
        Metric::ProcessSatisfied => ("服务过程满意率", "satisfied with the process"),
        Metric::ResultSatisfied => ("办理结果满意率", "satisfied with the result"),
        Metric::Callback => ("回访率", "callback"),
        Metric::CallbackSuccess => ("回访成功率", "callback success"),
        Metric::Return => ("退单率", "return"),
        Metric::Transfer => ("转派率", "transfer"),
        Metric::Rework => ("重办率", "rework"),
        Metric::Recurrence => ("重复诉求率", "recurrence"),
    }
}

/// Says what is divided by what.
pub(super) fn formula(metric: Metric) -> Words {
    match metric {
        Metric::Received => ("本期收到的工单,不含剔除", "orders that came in, without excluded ones"),
        Metric::Excluded => ("经批准剔除 / 全部收到", "excluded with approval / all that came in"),
        Metric::Open => ("未办结、未退回 / 收件", "neither closed nor returned / received"),
        Metric::Overdue(Internal) => ("已过街道时限 / 在办", "past our due time / open"),
        Metric::Overdue(Upstream) => ("已过上级时限 / 在办", "past upstream's due time / open"),
        Metric::Dispatch => ("已派件 / 收件", "dispatched / received"),
        Metric::FirstDispatch => {
            ("只派一次、未退未转 / 已派件", "dispatched once, never returned or transferred / dispatched")
        }
        Metric::Response => ("时限内首次联系 / 应联系", "first contact in time / due for contact"),
        Metric::Closing(Internal) => ("办结 / 办结与逾期未办结", "closed / closed, or open and overdue"),
        Metric::Closing(Upstream) => {
            ("办结 / 办结与逾上级时限未办结", "closed / closed, or open and overdue upstream")
        }
        Metric::ClosingAll => ("办结 / 已派件", "closed / dispatched"),
        Metric::OnTime(Internal) => {
            ("每轮均在街道时限内提交 / 办结", "submitted within our due time in every round / closed")
        }
        Metric::OnTime(Upstream) => {
            ("在上级时限内提交 / 办结", "submitted within upstream's due time / closed")
        }
        Metric::Resolution => ("来电人说已解决 / 回访到", "resolved, says the requester / reached"),
        Metric::ProcessSatisfied | Metric::ResultSatisfied => {
            ("满意 / 回访到并作答", "satisfied / reached and answered")
        }
        Metric::Callback => ("至少回访一次 / 应回访", "called back at least once / due for callback"),
        Metric::CallbackSuccess => ("本轮回访到 / 本轮回访过", "reached in the last round / tried in it"),
        Metric::Return => ("退过单 / 已派件", "returned at least once / dispatched"),
        Metric::Transfer => ("转派过 / 已派件", "moved to another holder / dispatched"),
        Metric::Rework => ("重办过 / 应回访", "reworked / due for callback"),
        Metric::Recurrence => ("此前有同一诉求 / 收件", "the same appeal came before / received"),
    }
}

/// Says whether what is missing from the numerator is what somebody has to look at.
pub(super) fn more_is_better(metric: Metric) -> bool {
    !matches!(
        metric,
        Metric::Received
            | Metric::Excluded
            | Metric::Open
            | Metric::Overdue(_)
            | Metric::Return
            | Metric::Transfer
            | Metric::Rework
            | Metric::Recurrence
    )
}

/// Names a stage.
pub(super) fn stage(stage: Stage) -> Words {
    match stage {
        Stage::Accept => ("早接单", "accept"),
        Stage::Dispatch => ("准派件", "dispatch"),
        Stage::Handle => ("快处理", "handle"),
        Stage::Callback => ("重回访", "callback"),
    }
}

/// Says from when to when a stage runs.
pub(super) fn stage_span(stage: Stage) -> Words {
    match stage {
        Stage::Accept => ("上级转办到接单", "dispatched by upstream to accepted"),
        Stage::Dispatch => ("接单到首次派件", "accepted to first dispatched"),
        Stage::Handle => {
            ("首次派件到提交结果,含重办", "first dispatched to result submitted, rework included")
        }
        Stage::Callback => ("转回访到回访到人,否则到办结", "passed on to requester reached, else to closed"),
    }
}

/// Names a dimension.
pub(super) fn dimension(dimension: Dimension) -> Words {
    match dimension {
        Dimension::Community => ("社区", "community"),
        Dimension::Grid => ("网格", "grid"),
        Dimension::Unit => ("科室", "section"),
        Dimension::Matter => ("事项", "matter"),
        Dimension::Urgency => ("缓急", "urgency"),
        Dimension::Channel => ("来源", "channel"),
    }
}

/// Names a kind of appeal.
pub(super) fn appeal(kind: &str) -> Option<Words> {
    Some(match kind {
        "consult" => ("咨询", "consult"),
        "help" => ("求助", "help"),
        "suggest" => ("建议", "suggest"),
        "complain" => ("投诉", "complain"),
        "report" => ("举报", "report"),
        "opinion" => ("意见", "opinion"),
        _ => return None,
    })
}

/// Names a channel or an urgency.
pub(super) fn code(id: &str) -> Option<Words> {
    Some(match id {
        "12345" => ("12345 热线", "hotline"),
        "grid" => ("网格收集", "from the grid"),
        "service_point" => ("服务站点", "service point"),
        "urgent" => ("紧急", "urgent"),
        "general" => ("一般", "general"),
        _ => return None,
    })
}
