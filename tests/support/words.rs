//! Chinese words for generated work, so that sizes and searches are like real ones.

use crate::dice::Dice;

const SUBJECTS: &[&str] =
    &["楼道", "电梯", "垃圾", "噪音", "停车", "路灯", "下水道", "宠物", "违建", "消防通道", "供暖", "漏水"];
const VERBS: &[&str] = &[
    "无人清理",
    "长期损坏",
    "影响休息",
    "堵塞通行",
    "多次反映未果",
    "夜间扰民",
    "存在安全隐患",
    "需要尽快处理",
];
const PLACES: &[&str] =
    &["华府一品", "金御皇庭", "潍棉小区", "幸福街", "健康街", "星河花园", "北王社区", "道口家园"];

/// Makes a sentence.
pub fn sentence(dice: &mut Dice) -> String {
    format!(
        "{}{}号楼{}单元{}{},{}{}。",
        dice.pick(PLACES),
        1 + dice.below(40),
        1 + dice.below(6),
        dice.pick(SUBJECTS),
        dice.pick(VERBS),
        dice.pick(SUBJECTS),
        dice.pick(VERBS),
    )
}

/// Makes an address.
pub fn address(dice: &mut Dice) -> String {
    format!(
        "{}{}号楼{}单元{}0{}室",
        dice.pick(PLACES),
        1 + dice.below(40),
        1 + dice.below(6),
        1 + dice.below(30),
        1 + dice.below(4)
    )
}

/// Makes a text of about so many bytes.
pub fn text(dice: &mut Dice, bytes: usize) -> String {
    let mut out = String::new();
    while out.len() < bytes {
        out.push_str(&sentence(dice));
    }
    out
}

/// Makes text of about so many bytes that compresses like real reports: set phrases, and between
/// them names, numbers and characters that do not repeat.
pub fn mixed(dice: &mut Dice, bytes: usize) -> String {
    let mut out = String::new();
    while out.len() < bytes {
        out.push_str(&sentence(dice));
        for _ in 0..8 + dice.below(16) {
            let code = 0x4E00 + u32::try_from(dice.below(4_000)).unwrap();
            out.push(char::from_u32(code).unwrap());
        }
        out.push_str(&format!(",{}。", dice.below(100_000)));
    }
    out
}
