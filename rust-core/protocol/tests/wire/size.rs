//! What an edit costs on the wire.
#![allow(clippy::print_stdout, reason = "the sizes are the result")]

use crate::support::{Phone, START, doc, hq_change};
use lanewalk_model::{
    document::{Document, Edit},
    schema::DocKind,
};
use lanewalk_protocol::{batch::EntryBatch, entry::Entry, frame};

/// The phrases of a worker's notes, of 2 to 8 characters.
const PHRASES: &str = "已到现场 与住户沟通 反映夜间噪音 楼道堆放杂物 电动车占用通道 物业未及时清运 联系城管协助 \
    约定明日上午 再次上门 家中无人 电话未接 邻居证实 水管渗漏 屋面漏水 影响三户 已拍照留存 请维修班 本周内完成 \
    居民表示满意 居民不认可 需要多方调解 施工时间过早 油烟直排 商户承诺整改 复查时 问题仍在 已经解决 路灯不亮 \
    井盖松动 设置警示 夜市摊位 垃圾桶满溢 增加清运 宠物扰民 独居老人 身体尚好 需要代购药品 社区医生 随访 \
    租户已更换 房东在外地 钥匙在门卫 下水道堵塞 三单元 五号楼 十二层 地下车库 东门 小广场 棋牌室 快递柜 \
    充电桩 消防栓 加装电梯 意见不一 签字十八户 反对两户 待街道协调 按时答复 无法联系来电人 现场未发现 属实 \
    部分属实 已劝离 已告知政策 转交专班 注意 安全 分贝 二十二时 以后 停止 作业";

/// A small deterministic generator (PCG), so that the sizes are the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % sides
    }
}

/// 60 characters of a worker's prose.
fn prose(dice: &mut Dice) -> String {
    let phrases: Vec<&str> = PHRASES.split_whitespace().collect();
    let mut text = String::new();
    while text.chars().count() < 60 {
        text.push_str(phrases[dice.roll(phrases.len())]);
        text.push_str(["，", "。", "", "；"][dice.roll(4)]);
    }
    text.chars().take(60).collect()
}

/// 60 characters without any pattern: the worst text there is.
fn noise(dice: &mut Dice) -> String {
    (0..60).map(|_| char::from_u32(0x4e00 + dice.roll(3_500) as u32).unwrap()).collect()
}

/// 500 orders from headquarters, each edited three times over a working day.
fn day(text: fn(&mut Dice) -> String) -> (Vec<Entry>, String) {
    let (mut phone, mut dice) = (Phone::new(), Dice(42));
    let (mut entries, mut texts) = (Vec::new(), String::new());
    for n in 0..500 {
        let id = doc(DocKind::Order, n);
        let mut order = Document::new(DocKind::Order);
        let made =
            [Edit::set("title", "噪音扰民"), Edit::set("grid", "g-031"), Edit::set("order_version", 1)];
        hq_change(&mut order, 0xee, START - 86_400_000 + n as i64 * 61_003, &made);
        phone.docs.insert(id, order);
    }
    for n in 0..500 {
        let id = doc(DocKind::Order, n);
        phone.base_version = 1 + dice.roll(3) as u64;
        for _ in 0..3 {
            phone.wait(9_000 + dice.roll(20_000) as u64);
            let written = text(&mut dice);
            texts.push_str(&written);
            entries.push(phone.write(id, &[Edit::set("verified_facts", written)]).unwrap());
        }
    }
    (entries, texts)
}

#[test]
fn an_edit_of_sixty_characters() {
    // What was measured (65 and 156) and some room; the floor is the text alone under the same zstd.
    for (what, text, most) in [("prose", prose as fn(&mut Dice) -> String, 70), ("noise", noise, 165)] {
        let (entries, texts) = day(text);
        let batch = EntryBatch::pack(&entries).unwrap().unwrap();
        let plain = minicbor::to_vec(&batch).unwrap().len();
        let wire = frame::encode(&batch).len();
        let floor = frame::encode(&texts).len();
        let each = |bytes: usize| bytes as f64 / entries.len() as f64;
        let naive: usize = entries.iter().map(|e| e.header.to_bytes().len() + e.change.len()).sum();
        println!(
            "{what}: {:.1} B an edit on the wire ({:.1} of it text), {:.1} before zstd, {:.1} as hashed",
            each(wire),
            each(floor),
            each(plain),
            each(naive),
        );
        assert!(wire <= most * entries.len(), "{what}: {wire} bytes");
    }
}
