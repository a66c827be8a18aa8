"""Every word that charts and reports print, in English and Chinese.

Standard names (clocks, phases, agencies, activities) are translated here; flows, stations, ports and reforms bring
their own titles in the scenario. A name that nobody has translated is shown as it is.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from typing import Any, Final, Literal

from sim.scenario.fields import Text

Language = Literal["en", "zh"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")
Pairs = Mapping[str, tuple[str, str]]
MISSING: Final = "–"
BEYOND: Final = "∞"
"""A quantile beyond the end of the simulation."""
MINUS: Final = "−"

MODES: Final[Pairs] = {
    "traditional": ("Traditional", "传统模式"),
    "smart": ("Smart port", "智慧口岸"),
}
CLOCKS: Final[Pairs] = {
    "port_dwell": ("Time in port", "在港停留时间"),
    "release_time": ("Release time (WCO)", "货物放行时间"),
    "clearance_time": ("Clearance time (declaration to release)", "整体通关时间"),
}
MEASURES: Final[Pairs] = {
    **CLOCKS,
    "throughput": ("Throughput", "通过量"),
    "throughput_by_hour": ("Throughput by hour of day", "分时通过量"),
    "arrivals": ("Arrivals", "到达量"),
    "in_port": ("Number in port", "在港数量"),
    "queueing_by_phase": ("Queueing by phase", "各环节排队时间"),
    "closed_by_phase": ("Waiting while closed, by phase", "各环节非工作时段等待"),
    "service_by_phase": ("Work by phase", "各环节作业时间"),
    "queueing_by_agency": ("Queueing by agency", "各部门排队时间"),
    "closed_by_agency": ("Waiting while closed, by agency", "各部门非工作时段等待"),
    "service_by_agency": ("Work by agency", "各部门作业时间"),
    "queueing_by_station": ("Queueing by station", "各站点排队时间"),
    "closed_by_station": ("Waiting while closed, by station", "各站点非工作时段等待"),
    "service_by_station": ("Work by station", "各站点作业时间"),
    "queueing_by_activity": ("Queueing by activity", "各作业排队时间"),
    "closed_by_activity": ("Waiting while closed, by activity", "各作业非工作时段等待"),
    "service_by_activity": ("Work by activity", "各作业的作业时间"),
    "waiting_time": ("Waiting time", "等待时间"),
    "service_time": ("Service time", "作业时间"),
    "visits": ("Visits", "作业次数"),
    "utilisation": ("Utilisation", "利用率"),
    "queue_length": ("Queue length", "队列长度"),
    "turned_away": ("Turned away", "被劝返"),
    "inspected": ("Inspected", "查验比例"),
    "violations": ("Violations", "违规"),
    "detection": ("Detection", "检出率"),
    "hit_rate": ("Hit rate of inspections", "查获率"),
    "delay_of_innocent": ("Delay of the innocent", "守法者的延误"),
    "strikes": ("Strikes", "发生次数"),
    "backlog": ("Backlog", "积压"),
    "cost_of_time": ("Value of time", "时间价值"),
    "cost_of_fees": ("Fees", "收费"),
    "cost_of_waiting_charges": ("Charges for waiting", "滞留费用"),
    "cost_of_fuel": ("Fuel while idling", "怠速燃油"),
    "cost": ("Cost", "成本"),
    "co2": ("Carbon dioxide", "二氧化碳排放"),
    "staff_hours": ("Staff hours", "人员工时"),
    "staff_cost": ("Staff cost", "人员成本"),
}
STATISTICS: Final[Pairs] = {
    "mean": ("mean", "平均"),
    "sd": ("standard deviation", "标准差"),
    "p50": ("median", "中位数"),
    "p90": ("90th percentile", "第90百分位"),
    "p95": ("95th percentile", "第95百分位"),
    "max": ("maximum", "最大"),
    "within_target": ("within target", "达标比例"),
    "unfinished": ("unfinished", "未完成"),
    "count": ("count", "数量"),
    "per_day": ("per day", "每天"),
    "present": ("present", "存在"),
    "found": ("found", "查获"),
    "missed": ("missed", "漏查"),
    "mean_of_inspected": ("mean of the inspected", "被查验者平均"),
    "peak": ("peak", "峰值"),
    "cleared": ("until cleared", "消化用时"),
    "closed": ("length of the disruption", "中断时长"),
}
KINDS: Final[Pairs] = {
    "queueing": ("Queueing (waiting for a free unit)", "排队（等待空闲资源）"),
    "closed": ("Waiting while closed", "非工作时段等待"),
    "service": ("Work", "作业"),
}
SHORT_KINDS: Final[Pairs] = {
    "queueing": ("Queueing", "排队"),
    "closed": ("Closed", "非工作时段"),
    "service": ("Work", "作业"),
}
PHASES: Final[Pairs] = {
    "transport": ("Transport", "运输"),
    "gate": ("Gate", "卡口"),
    "documents": ("Documents", "单证"),
    "inspection": ("Inspection", "查验"),
    "quarantine": ("Quarantine", "检疫"),
    "border": ("Border check", "边检"),
    "handling": ("Handling", "装卸作业"),
    "storage": ("Storage", "仓储"),
    "neighbour": ("Neighbour", "邻国侧"),
    "none": ("Other", "其他"),
}
AGENCIES: Final[Pairs] = {
    "customs": ("Customs", "海关"),
    "border_inspection": ("Border inspection", "边检"),
    "transport_authority": ("Transport authority", "交通运输管理"),
    "port_operator": ("Port operator", "口岸运营方"),
    "railway": ("Railway", "铁路"),
    "airport": ("Airport", "机场"),
    "trader": ("Trader", "企业"),
    "carrier": ("Carrier", "承运人"),
    "kazakhstan": ("Kazakhstan", "哈萨克斯坦"),
    "none": ("Other", "其他"),
}
BEARERS: Final[Pairs] = {
    "trader": ("Trader", "企业"),
    "carrier": ("Carrier", "承运人"),
    "state": ("State", "国家"),
}
VIOLATIONS: Final[Pairs] = {
    "illicit": ("illicit goods", "违禁货物"),
    "smuggling": ("smuggling", "走私"),
    "misdeclared": ("misdeclared goods", "申报不实"),
    "pest": ("quarantine pests", "检疫性有害生物"),
    "unfit": ("unfit goods", "不合格货物"),
}
ACTIVITIES: Final[Pairs] = {
    "drive": ("Drive to the port", "运往口岸"),
    "e_queue": ("Electronic queue", "电子排队"),
    "queue_outside": ("Queue outside", "口岸外排队"),
    "gate_in": ("Gate in", "入场卡口"),
    "unload": ("Unload", "卸货"),
    "store": ("Store", "仓储"),
    "second_warehousing": ("Second warehousing", "二次入仓"),
    "declare": ("Declare", "申报"),
    "document_review": ("Document review", "审单"),
    "pay_tax": ("Pay tax", "缴税"),
    "selection": ("Selection", "布控"),
    "scan": ("Scan", "机检"),
    "image_review": ("Image review", "审图"),
    "inspect": ("Inspect", "人工查验"),
    "quarantine_sampling": ("Quarantine sampling", "检疫取样"),
    "laboratory": ("Laboratory", "实验室检测"),
    "release": ("Release", "放行"),
    "seal": ("Seal", "施封"),
    "seal_check": ("Seal check", "验封"),
    "waybill_stamp": ("Waybill stamp", "运单签章"),
    "border_check": ("Border check", "边防检查"),
    "gate_out": ("Gate out", "出场卡口"),
    "load": ("Load", "装货"),
    "transload": ("Transload", "换装"),
    "truck_pairing": ("Truck pairing", "车货匹配"),
    "neighbour_entry": ("Neighbour: entry", "邻国入境"),
    "neighbour_release": ("Neighbour: release", "邻国放行"),
    "gauge_change": ("Gauge change", "换装（宽准轨）"),
    "receive": ("Receive the train", "接车"),
    "translate_waybill": ("Translate the waybill", "票据译制"),
    "train_check": ("Customs check of the train", "海关登临检查"),
    "train_border_check": ("Border check of the train", "边防列车检查"),
    "manifest_release": ("Manifest release", "舱单放行"),
    "wait_acceptance": ("Wait for acceptance", "等待邻国接车"),
    "form_train": ("Form the train", "编组"),
    "depart": ("Depart", "发车"),
    "tally": ("Tally", "理货"),
    "build_up": ("Build-up", "组板"),
    "security_screening": ("Security screening", "安检"),
    "pick_up": ("Pick up", "提货"),
    "list_release": ("List release", "清单核放"),
}
VARIABLES: Final[Pairs] = {
    "channel": ("channel", "通道"),
    "image": ("image", "图像"),
    "aeo": ("AEO", "AEO"),
    "commodity": ("commodity", "货类"),
    "illicit": ("illicit goods", "违禁货物"),
    "illicit_found": ("illicit goods found", "已查获违禁货物"),
}
# Names in the plural for axes; and with the measure word of Chinese for sentences.
ENTITIES: Final[Pairs] = {
    "truck": ("trucks", "卡车"),
    "train": ("trains", "列车"),
    "flight": ("flights", "航班"),
    "consignment": ("consignments", "货物"),
    "parcel_batch": ("parcel batches", "包裹批次"),
    "container": ("containers", "集装箱"),
    "car": ("cars", "商品车"),
    "entity": ("entities", "实体"),
}
EACH: Final[Pairs] = {
    "truck": ("a truck", "每辆卡车"),
    "train": ("a train", "每列车"),
    "flight": ("a flight", "每个航班"),
    "consignment": ("a consignment", "每票货物"),
    "parcel_batch": ("a batch of parcels", "每批包裹"),
    "container": ("a container", "每个集装箱"),
    "car": ("a car", "每辆商品车"),
    "entity": ("an entity", "每个实体"),
}
UNITS: Final[Pairs] = {
    "h": ("h", "小时"),
    "share": ("%", "%"),
    "entities": ("", ""),
    "per day": ("per day", "每天"),
    "per hour": ("per hour", "每小时"),
    "CNY": ("CNY", "元"),
    "kg": ("kg", "千克"),
    "h per day": ("h per day", "小时/天"),
    "CNY per day": ("CNY per day", "元/天"),
}
GRADES: Final[Pairs] = {
    "assumption": ("assumption", "假设"),
    "benchmark": ("benchmark", "类比"),
    "press": ("press", "媒体"),
    "survey": ("survey", "调查"),
    "official": ("official", "官方"),
}
WEEKDAYS: Final[Pairs] = {
    "mon": ("Mon", "周一"),
    "tue": ("Tue", "周二"),
    "wed": ("Wed", "周三"),
    "thu": ("Thu", "周四"),
    "fri": ("Fri", "周五"),
    "sat": ("Sat", "周六"),
    "sun": ("Sun", "周日"),
}
PARAMETERS: Final[Pairs] = {
    "arrivals": ("arrivals", "到达"),
    "rate": ("rate", "流量"),
    "hours": ("hours of the day", "时段分布"),
    "weekdays": ("days of the week", "星期分布"),
    "every": ("interval", "间隔"),
    "first": ("first", "首次"),
    "timetable": ("timetable", "时刻表"),
    "days": ("days", "日期"),
    "late": ("lateness", "晚点"),
    "early": ("earliness", "提前"),
    "recorded": ("records", "记录"),
    "attributes": ("attributes", "属性"),
    "capacity": ("capacity", "能力"),
    "open": ("opening hours", "工作时间"),
    "roster": ("roster", "班次"),
    "takes": ("duration", "耗时"),
    "share": ("share", "比例"),
    "draws": ("outcomes", "抽取结果"),
    "amount": ("units taken", "占用数量"),
    "priority": ("priority", "优先级"),
    "target": ("target", "目标"),
    "aboard": ("riders aboard", "载运对象"),
    "costs": ("costs", "成本"),
    "value_of_time": ("value of time", "时间价值"),
    "waiting": ("charge for waiting", "滞留费用"),
    "idling": ("idling", "怠速"),
    "queue_limit": ("room in the queue", "排队容量"),
    "staff": ("staff", "人员"),
    "changes": ("changes", "调整"),
    "unused": ("what is left over", "剩余额度"),
    "targets": ("targeting by risk", "风险布控"),
    "detects": ("detection", "检出率"),
    "load": ("loading", "装载"),
    "up_to": ("up to", "上限"),
    "at_least": ("at least", "下限"),
    "waits": ("waits", "等待"),
    "fee": ("fee", "费用"),
    "emits": ("carbon dioxide", "二氧化碳排放"),
    "leaves": ("capacity left", "剩余能力"),
    "takes_out": ("units lost", "停用数量"),
    "dates": ("dates", "日期"),
    "between": ("time between", "间隔"),
    "lasts": ("length", "持续时间"),
    "needs": ("uses up", "消耗额度"),
    "after": ("comes after", "前置环节"),
    "at": ("done at", "作业站点"),
    "only": ("only for", "适用条件"),
    "seizes": ("seizes", "占用资源"),
    "releases": ("releases", "释放资源"),
    "agency": ("agency", "部门"),
    "phase": ("phase", "环节"),
}
CHARTS: Final[Pairs] = {
    "dwell_distribution": ("How long they stay", "停留时间分布"),
    "time_by_phase": ("Where the time goes", "时间花在哪里"),
    "throughput_by_hour": ("Departures by hour of day and opening hours", "各时段离开口岸的数量与工作时间"),
    "queue_length": ("The longest queues over time", "最长队列的变化"),
    "utilisation": ("Utilisation of the stations", "各站点利用率"),
    "differences": ("What changes, with intervals", "模式之间的差值及区间"),
    "security": ("Facilitation and security", "便利与安全"),
    "cost_by_bearer": ("Who bears what it costs", "成本由谁承担"),
}
WORDS: Final[Pairs] = {
    # Charts: axes and marks.
    "headline": ("Time in port, mean hours", "在港停留时间，平均小时数"),
    "headline_unsteady": (
        "* no steady state: the queue grows as long as one watches, so there is no interval",
        "* 无稳态：观测越久队列越长，因此不给出区间",
    ),
    "headline_reduction": (
        "Variance reduction: how many times the variance of the difference would be larger without shared luck",
        "方差缩减：若不共用随机数，差值的方差会大多少倍",
    ),
    "axis_clock_hours": ("{clock}, hours", "{clock}（小时）"),
    "axis_clock_hours_log": ("{clock}, hours (log scale)", "{clock}（小时，对数刻度）"),
    "axis_share_left": ("Share that has left, %", "已离港比例（%）"),
    "axis_departures": ("Departures per hour", "每小时离港数量"),
    "axis_hour_of_day": ("Hour of day ({zone})", "一天中的时刻（{zone}）"),
    "axis_in_queue": ("In the queue", "排队数量"),
    "axis_date": ("Date (month-day)", "日期（月-日）"),
    "axis_utilisation": ("Utilisation: busy share of open capacity, %", "利用率：占用时间占开放能力的比例（%）"),
    "axis_difference_hours": ("Change in {clock}, hours", "{clock}变化（小时）"),
    "axis_difference_percent": ("Change in {clock}, %", "{clock}变化（%）"),
    "target": ("target {value} h", "目标 {value} 小时"),
    "median": ("median", "中位数"),
    "nothing_measured": ("nothing measured", "无测量数据"),
    "no_queue": ("no station has a queue worth showing", "没有站点出现明显排队"),
    "no_comparison": ("one mode only: nothing to compare", "仅有一种模式，无从比较"),
    "axis_inspected": ("Inspected, %", "被查验的比例（%）"),
    "axis_missed": ("Violations missed, %", "漏查的违规（%）"),
    "axis_delay": ("Delay of the innocent, h", "守法者的延误（小时）"),
    "axis_cost": ("Cost of a passage, mean CNY", "每次通关成本，平均（元）"),
    "chart_security": (
        "Means of {count} replications with 95% intervals; delay: mean over all without the violation",
        "{count} 次重复的平均及 95% 区间；延误为全部无违规者的平均",
    ),
    "chart_cost": (
        "Mean per entity, {count} replications, prices of {date}; each panel has its own scale",
        "每个实体的平均，{count} 次重复，{date} 价格；各图刻度不同",
    ),
    "open_at": ("{hours}: {stations}", "{hours}：{stations}"),
    "on_days": ("{hours} on {count} of 7 days", "{hours}（7 天中的 {count} 天）"),
    "always_open": ("always open", "全天开放"),
    "hours_vary": ("open at varying hours", "开放时间不固定"),
    "never_open": ("never open", "不开放"),
    "opening_hours": ("Opening hours", "工作时间"),
    "stations_and_more": ("{stations} and {count} more", "{stations}及另外 {count} 处"),
    "compared_modes": ("{mode} against {baseline}", "{mode}与{baseline}相比"),
    "interval_of": ("{mode} minus {baseline}, 95% interval", "{mode}减{baseline}，95% 置信区间"),
    "no_steady_state": ("no steady state", "无稳态"),
    "no_steady_state_in": ("no steady state: {modes}", "无稳态：{modes}"),
    "chart_dwell": ("{clock}: cumulative share, {count} replications", "{clock}：累计比例，{count} 次重复"),
    "chart_phases": (
        "{clock}, mean hours on the critical path; each panel has its own scale",
        "{clock}：关键路径上的平均小时数；各图刻度不同",
    ),
    "chart_throughput": (
        "{entities} leaving the port, mean of {count} replications",
        "离开口岸的{entities}，{count} 次重复的平均",
    ),
    "chart_queue": (
        "Mean of {count} replications; band: from the lowest to the highest",
        "{count} 次重复的平均；色带：最低至最高",
    ),
    "chart_utilisation": (
        "Busy unit-time divided by open unit-time, mean of {count} replications",
        "占用时间除以开放时间，{count} 次重复的平均",
    ),
    "chart_differences": (
        "{clock}: paired differences of the mean, the same entities with the same luck",
        "{clock}：平均值的配对差值，同样的实体、同样的随机数",
    ),
    "chart_differences_many": (
        "{clock}, paired differences of the mean: the same entities with the same luck in every mode",
        "{clock}平均值的配对差值：各模式中为同样的实体、同样的随机数",
    ),
    # Page: headings.
    "report": ("Simulation report", "仿真报告"),
    "other_language": ("中文", "English"),
    "contents": ("Contents", "目录"),
    "nav_glance": ("At a glance", "一览"),
    "nav_time": ("Where the time goes", "时间去向"),
    "nav_charts": ("Charts", "图表"),
    "nav_security": ("Security", "安全"),
    "nav_costs": ("Costs", "成本"),
    "nav_disruptions": ("Disruptions", "中断"),
    "nav_modes": ("Modes", "模式"),
    "nav_evidence": ("Evidence", "证据"),
    "nav_audit": ("Audit", "审计"),
    "at_a_glance": ("The answer at a glance", "结论一览"),
    "where_time_goes": ("Where the time goes", "时间花在哪里"),
    "charts_by_port": ("Charts by port", "各口岸图表"),
    "security": ("Facilitation and security", "便利与安全"),
    "costs": ("Costs and emissions", "成本与排放"),
    "disruptions": ("Disruptions and backlogs", "中断与积压"),
    "comparison": ("Comparison", "对比表"),
    "stations": ("Stations", "站点"),
    "warnings": ("Warnings", "警告"),
    "modes": ("What each mode changes", "各模式的改动"),
    "evidence": ("Assumptions and evidence", "假设与证据"),
    "basis": ("What the figures of each flow rest on", "各流程数字的依据"),
    "sources": ("Sources", "来源"),
    "audit": ("Audit and manifest", "审计与运行记录"),
    # Page: what was run.
    "summary": (
        (
            "{modes} simulated at {ports} with {flows}. Measured are {duration} from {begin} ({zone}), after a "
            "warm-up of {warm_up}, in {replications}. In every mode the same entities arrive at the same "
            "moments with the same luck, so the differences are between procedures only."
        ),
        (
            "{modes}，{ports}，{flows}。观测期 {duration}，自 {begin} 起（{zone}），此前预热 {warm_up}，共 "
            "{replications}。各模式中到达的实体、到达时刻与随机数完全相同，因此差异只来自监管流程。"
        ),
    ),
    "count_modes": ("{count} modes", "{count} 种模式"),
    "count_modes_one": ("1 mode", "1 种模式"),
    "count_ports": ("{count} ports", "{count} 个口岸"),
    "count_ports_one": ("1 port", "1 个口岸"),
    "count_flows": ("{count} flows", "{count} 个流程"),
    "count_flows_one": ("1 flow", "1 个流程"),
    "count_days": ("{count} days", "{count} 天"),
    "count_days_one": ("1 day", "1 天"),
    "count_hours": ("{count} hours", "{count} 小时"),
    "count_hours_one": ("1 hour", "1 小时"),
    "count_replications": ("{count} replications", "{count} 次重复"),
    "count_replications_one": ("1 replication", "1 次重复"),
    "count_parameters": ("{count} parameters", "{count} 个参数"),
    "count_parameters_one": ("1 parameter", "1 个参数"),
    "intervals": (
        (
            "Square brackets hold 95% intervals across replications (Student t). Those of changes are paired; "
            "a change in percent is the ratio of the means less one, its interval by linearisation."
        ),
        (
            "方括号内为跨重复的 95% 置信区间（t 分布）。变化的区间为配对区间；百分比变化为平均值之比减一，"
            "区间由线性化得出。"
        ),
    ),
    "warm_up_enough": (
        "Warm-up: MSER-5 would cut at most {cut} ({flow}, {mode}), so the warm-up of {given} is enough.",
        "预热：MSER-5 最多截去 {cut}（{flow}，{mode}），{given}的预热期足够。",
    ),
    "warm_up_short": (
        (
            "Warm-up: MSER-5 would cut {cut} of the time in port of {flow} ({mode}), more than the warm-up of {given}; "
            "set warm_up: {advised}."
        ),
        "预热：对{flow}（{mode}）的在港停留时间，MSER-5 会截去 {cut}，超过 {given}的预热期；请设 warm_up: {advised}。",
    ),
    "warm_up_none": (
        (
            "Warm-up: there is none, and MSER-5 would cut {cut} of the time in port of {flow} ({mode}); set "
            "warm_up: {advised}, unless the beginning is what you study."
        ),
        (
            "预热：未设预热期；对{flow}（{mode}）的在港停留时间，MSER-5 会截去 {cut}。"
            "除非要研究的正是开始阶段，请设 warm_up: {advised}。"
        ),
    ),
    "warm_up_unsettled": (
        "No warm-up is advised for {flows}: more than half would be cut, there is no steady state in this window.",
        "对{flows}不建议预热期：须截去一半以上，本观测期内没有稳态。",
    ),
    "warm_up_too_few": (
        "Too few entities to say whether the warm-up is enough for {flows}.",
        "实体过少，无法判断预热期是否足够：{flows}。",
    ),
    "flow_in_mode": ("{flow} ({mode})", "{flow}（{mode}）"),
    "no_intervals": (
        "There is one replication only, so nothing can be said about how sure the figures are.",
        "只有一次重复，无法给出置信区间。",
    ),
    "clock_definition": ("{clock}: from {begin} to {end}.", "{clock}：起点为{begin}；终点为{end}。"),
    "point_ready": ("{activity} (joins the queue)", "{activity}（开始排队）"),
    "point_start": ("{activity} (starts)", "{activity}（开始作业）"),
    "point_end": ("{activity} (ends)", "{activity}（结束）"),
    "point_arrival": ("arrival", "到达"),
    "or": (" or ", "或"),
    "comma": (", ", "、"),
    # Page: at a glance.
    "all_flows": ("All flows", "全部流程"),
    "flow": ("Flow", "流程"),
    "mode": ("Mode", "模式"),
    "time_in_port": ("Time in port, h", "在港停留时间（小时）"),
    "change_hours": ("Change, h", "变化（小时）"),
    "change_percent": ("Change, %", "变化（%）"),
    "sentence_change": (
        "Under {baseline}, {entity} stays {before} h; under {mode}, {after} h: {hours} h {direction} ({percent}).",
        "{baseline}下，{entity}停留 {before} 小时；{mode}下为 {after} 小时：{direction} {hours} 小时（{percent}）。",
    ),
    "sentence_change_interval": (
        (
            "Under {baseline}, {entity} stays {before} h; under {mode}, {after} h: {hours} h {direction} "
            "({percent}, 95% interval {low} to {high})."
        ),
        (
            "{baseline}下，{entity}停留 {before} 小时；{mode}下为 {after} 小时：{direction} {hours} "
            "小时（{percent}，95% 区间 {low} 至 {high}）。"
        ),
    ),
    "sentence_same": (
        "Under {baseline}, {entity} stays {before} h; under {mode}, {after} h: these replications show no difference.",
        "{baseline}下，{entity}停留 {before} 小时；{mode}下为 {after} 小时：各次重复未显示差异。",
    ),
    "sentence_one": ("Under {mode}, {entity} stays {after} h.", "{mode}下，{entity}停留 {after} 小时。"),
    "shorter": ("less", "缩短"),
    "longer": ("more", "延长"),
    "sentence_waiting": (
        "Under {mode} {share} of it is waiting, the longest for: {activity} ({hours} h).",
        "{mode}下其中 {share} 为等待，等待最长的作业：{activity}（{hours} 小时）。",
    ),
    "sentence_little_waiting": ("Under {mode} {share} of it is waiting.", "{mode}下其中 {share} 为等待。"),
    "sentence_overload": (
        (
            "Under {mode} more work arrives than {stations} can do: no steady state. The time shown belongs to "
            "this window and grows with a longer one, so no interval is given."
        ),
        (
            "{mode}下，到达的作业量超过{stations}的能力：无稳态。所示时间只属于本观测期，观测期越长越大，"
            "因此不给出区间。"
        ),
    ),
    "sentence_unfinished": (
        (
            "Under {mode} {share} had not left when the simulation ended. The mean counts them with the time they "
            "had already stayed and is a lower bound; the quantiles allow for the rest of it."
        ),
        "{mode}下有 {share} 在仿真结束时仍未离港。平均值按其已停留的时间计入，是下限；分位数已顾及其余下时间。",
    ),
    "rests_on": ("what it rests on", "依据"),
    "sentence_turned_away": (
        "Under {mode} {count} a day find the queue full and are turned away.",
        "{mode}下每天有 {count} 个因队列已满被劝返。",
    ),
    "not_measured": ("No measured entity: nothing to show.", "没有被测实体，无可显示。"),
    # Page: tables.
    "by_phase": ("By phase, h", "按环节（小时）"),
    "by_agency": ("By agency, h", "按部门（小时）"),
    "cell_waiting": ("{hours} waiting", "等待 {hours}"),
    "unit_h": ("h", "小时"),
    "hours_short": ("{value} h", "{value} 小时"),
    "colon": (": ", "："),
    "total": ("Total", "合计"),
    "waiting_share": ("waiting", "等待占比"),
    "measure": ("Measure", "指标"),
    "statistic": ("Statistic", "统计量"),
    "unit": ("Unit", "单位"),
    "difference": ("Difference", "差值"),
    "variance_reduction": ("Variance reduction", "方差缩减"),
    "station": ("Station", "站点"),
    "capacity": ("Capacity", "能力"),
    "hours": ("Hours", "时间"),
    "visits": ("Visits per day", "每天作业次数"),
    "utilisation": ("Utilisation", "利用率"),
    "waiting_mean": ("Wait, mean, h", "平均等待（小时）"),
    "waiting_p95": ("Wait, 95%, h", "95% 等待（小时）"),
    "queue_mean": ("Queue, mean", "平均队列"),
    "queue_max": ("Queue, max", "最大队列"),
    "reform": ("Reform", "改革措施"),
    "parameter": ("Parameter", "参数"),
    "value": ("Value", "取值"),
    "grade": ("Grade", "等级"),
    "source": ("Source", "来源"),
    "note": ("Note", "说明"),
    "old": ("Before", "改动前"),
    "new": ("After", "改动后"),
    "where": ("Where", "位置"),
    "absent": ("absent", "无"),
    "shared_parameters": ("Shared by all ports", "各口岸共用"),
    "comparison_note": (
        (
            "Difference = {mode} minus {baseline}, replication by replication. The variance reduction says how "
            "many times the variance of the difference would be larger had the modes not shared their luck. "
            "∞ stands for a quantile beyond the end of the simulation: too many had not left by then to know it. "
            "Every measure, of stations and phases too, is in comparison.csv."
        ),
        (
            "差值 = {mode}减{baseline}，逐次重复配对。方差缩减表示若各模式不共用随机数，差值的方差会大多少倍。"
            "∞ 表示该分位数超出仿真期：届时未离港者过多，无从得知。"
            "包括站点与环节在内的全部指标见 comparison.csv。"
        ),
    ),
    "stations_note": (
        (
            "Utilisation is busy unit-time divided by open unit-time; work that goes on past closing time is "
            "finished, so it can exceed 100%. A station that is only held (a yard, tracks) has no service of "
            "its own."
        ),
        (
            "利用率 = 占用时间 ÷ 开放时间；下班时未完的作业会做完，因此可超过 100%。仅被占用的站点（堆场、"
            "股道）自身没有作业。"
        ),
    ),
    "quota": ("quota", "额度"),
    "allowance": ("{amount} {period}", "{period} {amount}"),
    "allowance_from": ("{amount} {period} from {day}", "自 {day} 起{period} {amount}"),
    "per_period": ("per {length}", "每 {length}"),
    "semicolon": ("; ", "；"),
    "quotas_note": (
        "The utilisation of a quota is the used share of what its periods allow.",
        "额度的利用率为已用数量占各时段额度的比例。",
    ),
    "minus": ("{mode} minus {baseline}", "{mode}减{baseline}"),
    "flow_and_violation": ("Flow, violation", "流程、违规"),
    "inspected_percent": ("Inspected, %", "查验比例（%）"),
    "present": ("Violations present", "存在违规"),
    "found": ("found", "查获"),
    "missed": ("missed", "漏查"),
    "hit_rate_percent": ("Hit rate, %", "查获率（%）"),
    "detection_percent": ("Detection, %", "检出率（%）"),
    "delay_all": ("Delay of the innocent, h", "守法者的延误（小时）"),
    "delay_inspected": ("of the inspected innocent, h", "其中被查验者（小时）"),
    "security_note": (
        (
            "Of the entities measured that are through. Inspected: the share for which some activity that looks for "
            "the violation takes place. Found and missed are numbers of one replication, of the violations present. "
            "Hit rate: found over inspected; detection: found over present. The innocent carry no such violation; "
            "their delay is what they spend waiting for and in those activities, over all of them and over those "
            "inspected. Who carries a violation is the same in every mode. Changes of shares are in percentage points."
        ),
        (
            "统计已完成通关的被测实体。查验比例：至少接受一项针对该违规的作业的比例。查获与漏查为单次重复中的数量，"
            "占存在的违规。查获率 = 查获数 ÷ 查验数；检出率 = 查获数 ÷ 存在数。守法者指无该违规者；"
            "其延误为等待并接受这些作业的时间，分别按全部守法者与被查验者平均。各模式中携带违规的实体相同。"
            "比例的变化以百分点计。"
        ),
    ),
    "cost": ("Cost", "成本"),
    "by_kind": ("By kind", "按类别"),
    "by_bearer": ("By bearer", "按承担者"),
    "emissions": ("Emissions", "排放"),
    "kind_or_bearer": ("Kind or bearer", "类别或承担者"),
    "costs_note": (
        (
            "Mean per measured entity, in CNY. Time counts as the time in port does; fuel and carbon dioxide come "
            "from engines that run while waiting. The kinds sum to the cost, and so do the bearers."
        ),
        (
            "每个被测实体的平均，单位为元。时间按在港停留时间计；燃油与二氧化碳来自等待时怠速的发动机。"
            "各类别之和等于成本，各承担者之和亦然。"
        ),
    ),
    "price_level": ("Prices of {date}. {note}", "价格水平：{date}。{note}"),
    "staff_by_station": ("Staff on duty", "在岗人员"),
    "staff_note": (
        (
            "Hours on duty and wages per day, of the stations whose staff is given. Rosters decide them, not luck, so "
            "there is no interval."
        ),
        "列出人员配置的站点每天的在岗工时与工资；由班次而非随机性决定，因此没有区间。",
    ),
    "staff_hours": ("Staff hours per day", "人员工时（小时/天）"),
    "staff_cost": ("Staff cost, CNY per day", "人员成本（元/天）"),
    "change_staff_hours": ("Change, h per day", "变化（小时/天）"),
    "change_staff_cost": ("Change, CNY per day", "变化（元/天）"),
    "disruption": ("Disruption", "中断"),
    "strikes_column": ("Strikes", "次数"),
    "length_column": ("Length, h", "时长（小时）"),
    "peak_column": ("Peak of the backlog", "积压峰值"),
    "cleared_column": ("Cleared after, h", "消化用时（小时）"),
    "disruption_dated": ("{dates} ({zone})", "{dates}（{zone}）"),
    "disruption_random": (
        "at random: {lasts} h long on average, {between} h between two",
        "随机：平均持续 {lasts} 小时，平均间隔 {between} 小时",
    ),
    "strikes_all": ("{stations}: nothing left", "{stations}：全部停用"),
    "strikes_share": ("{stations}: {share} left", "{stations}：剩余 {share}"),
    "strikes_units": ("{stations}: {count} out", "{stations}：停用 {count}"),
    "none_in_window": ("none begins in the measured window", "观测期内未发生"),
    "not_cleared": ("not cleared within the run", "运行结束前未消化"),
    "not_cleared_in": (
        "not cleared within the run in {count} of {total} replications",
        "{total} 次重复中有 {count} 次在运行结束前未消化",
    ),
    "disruptions_note": (
        (
            "They are part of the world: no reform changes them, and they strike at the same moments in every mode. "
            "Peak: by how much the number in the port exceeds the most of the day before. Cleared: hours from the "
            "end of the disruption until the number is back. Strikes, length, peak and hours are means over those "
            "that begin in the measured window."
        ),
        (
            "中断属于外部世界：改革不改变它们，各模式中发生的时刻相同。峰值：在港数量超出前一天最大值的数量。"
            "消化用时：中断结束至在港数量恢复的小时数。次数、时长、峰值与用时均为观测期内开始的中断的平均。"
        ),
    ),
    "adopted_by": ("adopted by {share} of the entities", "{share} 的实体采用"),
    "phases_note": (
        (
            "Mean hours per entity along the activities that decided when it left (its critical path): waiting "
            "for a free unit, waiting while the station is closed, and work. Over all phases they sum to the "
            "time in port."
        ),
        (
            "沿决定离港时刻的环节（关键路径）计算的每个实体平均小时数：等待空闲资源、非工作时段等待、作业。"
            "各环节之和等于在港停留时间。"
        ),
    ),
    "no_changes": ("No reform: the procedure as it stands in the scenario.", "无改革措施：即场景中的原有流程。"),
    "warnings_none": (
        "None: in no mode is a station offered more work than it can do.",
        "无：各模式下没有站点的作业量超过其能力。",
    ),
    "warnings_note": (
        (
            "Where the offered load reaches the capacity there is no steady state: the queue grows as long as "
            "one watches, and a mean or an interval of it means nothing. Figures that depend on such a station "
            "carry the mark “no steady state” instead of an interval."
        ),
        (
            "作业量达到能力时没有稳态：观测越久队列越长，其平均值与区间没有意义。依赖此类站点的数字标“无稳态”，"
            "不给出区间。"
        ),
    ),
    "warnings_banner": ("Read this first:", "请先阅读："),
    "warnings_count": ("{count} warnings", "{count} 条警告"),
    "warnings_count_one": ("1 warning", "1 条警告"),
    "evidence_note": (
        (
            "Every parameter with its value in each mode, where it comes from and how good that is. "
            "Assumption: chosen by us, with the reason in the note. Benchmark: published for another port. "
            "Press, survey, official: published for this port."
        ),
        (
            "列出每个参数在各模式下的取值、来源与证据等级。假设：由我们选定，理由见说明。类比："
            "其他口岸的公开数字。媒体、调查、官方：本口岸的公开数字。"
        ),
    ),
    "assumptions_first": (
        "{assumptions} of {total} parameters are assumptions.",
        "{total} 个参数中有 {assumptions} 个是假设。",
    ),
    "basis_note": (
        "Who doubts a figure of a flow finds here every parameter on which it rests, by grade.",
        "对某流程的数字有疑问时，可在此找到它所依据的全部参数及证据等级。",
    ),
    "manifest_key": ("Item", "项目"),
    "manifest_value": ("Value", "内容"),
    "reproduce": ("To make these figures again", "复现方法"),
    "reproduce_here": (
        "Or from the scenario as it was resolved, kept in the folder of these results:",
        "或使用保存在结果目录中的已解析场景：",
    ),
    "reproduce_note": (
        "The same scenario, seed and version give the same bytes, with any number of workers.",
        "相同的场景、随机种子与版本给出逐字节相同的结果，与并行进程数无关。",
    ),
    "audit_passed": ("Every audit passed.", "全部审计通过。"),
    "audit_failed": ("The audit failed: do not use these figures.", "审计未通过：请勿使用这些数字。"),
    "audit_unknown": ("The manifest records no audit.", "运行记录中没有审计结果。"),
    # What the command says.
    "progress_simulating": ("Simulating", "仿真"),
    "progress_drawing": ("Drawing", "绘图"),
    "progress_runs": ("runs, left", "次运行，剩余"),
    "progress_charts": ("charts, left", "幅图，剩余"),
    "progress_elapsed": ("elapsed", "已用"),
    "said_interrupted": (
        "Interrupted. {count} finished runs are kept in {place}; the same command goes on from there.",
        "已中断。已完成的 {count} 次运行保存在 {place}；再次执行同一命令即可从此处继续。",
    ),
    "said_warning": ("warning: ", "警告："),
    "said_precision": (
        "Precision reached: ±{widest} or less after {count} replications.",
        "已达到精度：{count} 次重复后不超过 ±{widest}。",
    ),
    "said_audit": ("Audit passed: {runs} runs, {visits} visits.", "审计通过：{runs} 次运行，{visits} 次作业。"),
    "said_tables": ("Tables:  {place}", "数据表：{place}"),
    "said_report": ("Report:  {place}", "报告：  {place}"),
    "figure_links": (
        "Each flow and each station links to its parameters.",
        "每个流程和站点都链接到其参数。",
    ),
}


WARNINGS: Final[Pairs] = {
    "overloaded": (
        (
            "{mode}: {station} is offered {offered} {unit} a day and has {open}: its queue grows by about {growth} a "
            "day; there is no steady state, all times depend on the duration"
        ),
        (
            "{mode}：{station}每天承接 {offered} {unit}，能力为 {open}：队列每天约增长 {growth}；无稳态，"
            "所有时间都取决于观测时长"
        ),
    ),
    "unfinished": (
        "{mode}: {share} of {flow} had not left at the end; its mean times are lower bounds",
        "{mode}：{flow}有 {share} 在结束时仍未离港；其平均时间为下限",
    ),
    "imprecise": (
        "the precision of {wanted} is not reached after {count} replications: best so far ±{best} for {where}",
        "{count} 次重复后仍未达到 {wanted} 的精度：目前最好为 ±{best}（{where}）",
    ),
    "unlasting": (
        "the precision of {wanted} is not reached after {count} replications: ±{best} for {where} does not last yet",
        "{count} 次重复后仍未达到 {wanted} 的精度：{where} 的 ±{best} 尚未持续",
    ),
    "undecided": (
        "the precision of {wanted} is not reached after {count} replications: zero lies in the interval of {where}",
        "{count} 次重复后仍未达到 {wanted} 的精度：{where} 的区间包含零",
    ),
}
"""Sentences that a study warns with, as it writes them, and what they are in Chinese."""
LOAD_UNITS: Final[Pairs] = {
    "unit-hours": ("unit-hours", "单位小时"),
    "passes": ("passes", "个额度"),
    "unit-hours of work": ("unit-hours of work", "单位小时的作业"),
}


def pick(pair: tuple[str, str], lang: str) -> str:
    """Choose the text of a language from an English and Chinese pair."""
    return pair[1] if lang == "zh" else pair[0]


def word(key: str, lang: str, **values: object) -> str:
    """Give a word or sentence of the page by its key, with values filled in."""
    text = pick(WORDS[key], lang)
    return text.format(**values) if values else text


def counted(key: str, count: int, lang: str) -> str:
    """Give a counted noun such as `3 ports`, in the singular for one."""
    return word(f"{key}_one" if count == 1 else key, lang, count=count)


def name(table: Pairs, key: str, lang: str) -> str:
    """Translate a standard name; an unknown name is shown as it is."""
    pair = table.get(key)
    return pick(pair, lang) if pair else key


def title(thing: Any, lang: str, otherwise: str) -> str:
    """Give the title that a part of the scenario brings with it (or is), or another text if it brings none."""
    value = thing if isinstance(thing, Text) else getattr(thing, "title", None)
    return value.in_language(lang) if isinstance(value, Text) else otherwise


def language(lang: str) -> Language:
    """Check a language's code."""
    if lang not in LANGUAGES:
        raise ValueError(f"expected a language of {', '.join(LANGUAGES)}, found {lang!r}")
    return lang


def number(value: float | None, decimals: int) -> str:
    """Write a number with a fixed count of decimals, a true minus sign, and a dash for what is missing."""
    if value is None or not math.isfinite(value):
        return MISSING
    text = f"{abs(value):,.{decimals}f}".replace(",", "\u202f")
    negative = value < 0 and any(digit not in "0.\u202f" for digit in text)
    return f"{MINUS}{text}" if negative else text


def decimals_for(size: float | None) -> int:
    """Decide how many decimals a quantity of some size deserves: about three digits."""
    if size is None or not math.isfinite(size):
        return 0
    size = abs(size)
    return 0 if size >= 999.5 or size == 0 else 1 if size >= 9.995 else 2 if size >= 0.0995 else 3


def width(text: str, size: float) -> float:
    """Estimate the width of a text in inches at a size in points; Chinese characters are an em wide."""
    ems = sum(1.0 if unicodedata.east_asian_width(character) in "WFA" else 0.6 for character in text)
    return ems * size / 72


def widest(pair: tuple[str, str], size: float) -> float:
    """Estimate the room that a text needs in either language, so that both are laid out alike."""
    return max(width(text, size) for text in pair)


def shorten(text: str, size: float, room: float) -> str:
    """Cut a text to a width in inches; an ellipsis marks the cut."""
    if width(text, size) <= room:
        return text
    while text and width(text + "…", size) > room:
        text = text[:-1]
    return text.rstrip(" ,(（、") + "…"


def wrap(text: str, size: float, room: float, lines: int = 2) -> list[str]:
    """Break a text into lines of a width in inches; what does not fit in the last line is cut."""
    chunks = _chunks(text)
    rows: list[str] = [""]
    for position, chunk in enumerate(chunks):
        if not rows[-1] or width((rows[-1] + chunk).rstrip(), size) <= room:
            rows[-1] += chunk
        elif len(rows) < lines:
            rows.append(chunk)
        else:
            rows[-1] += "".join(chunks[position:])
            break
    return [shorten(row.strip(), size, room) for row in rows]


def _chunks(text: str) -> list[str]:
    """Split where a line may be broken: behind a blank, an underscore, or any Chinese character."""
    chunks = [""]
    for character in text:
        chunks[-1] += character
        if character in " _/-" or unicodedata.east_asian_width(character) in "WF":
            chunks.append("")
    return [chunk for chunk in chunks if chunk]
